"""People and things to test with."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from referral.application.ports import Clock
from referral.domain.access.refresh_token import FamilyId, RefreshToken, digest_of
from referral.domain.accounts.user import EmailAddress, User, UserId, Username
from referral.domain.programs.program import (
    DEFAULT,
    Program,
    ProgramId,
    ProgramInForce,
    ProgramStatus,
)
from referral.domain.programs.referral import Referral, ReferralStatus
from referral.domain.programs.referral_code import CodeText, NewReferralCode, ReferralCode
from referral.domain.programs.terms import Terms, TermsVersion
from referral.domain.webhooks.endpoint import Endpoint, EndpointId

NOW = datetime(2030, 1, 1, tzinfo=UTC)
PASSWORD = "correct horse battery"


def an_id(number: int) -> UserId:
    return UserId(UUID(int=number << 80 | 0x7 << 76 | 0x2 << 62))


def a_user(
    name: str = "ann", *, number: int = 1, email: str | None = None, created_at: datetime = NOW
) -> User:
    return User(
        id=an_id(number),
        username=Username(name),
        email=EmailAddress(email or f"{name}@example.org"),
        password_hash=f"hash of {name}",
        created_at=created_at,
    )


def an_endpoint(number: int = 1, **changes: Any) -> Endpoint:
    endpoint = Endpoint(
        id=EndpointId(an_id(number)),
        url=f"https://shop.example.org/hooks/{number}",
        events=("referral.*", "code.issued"),
        secret=b"a sealed secret",
        created_at=NOW,
    )
    return replace(endpoint, **changes)


DEFAULT_REVISION = UUID(int=0)
DEFAULT_PROGRAM = ProgramInForce(
    Program(
        id=ProgramId(1),
        slug=DEFAULT,
        name="Default",
        status=ProgramStatus.ACTIVE,
        created_at=NOW,
        terms_version=TermsVersion(1),
        revision=DEFAULT_REVISION,
    ),
    Terms(),
)


def a_new_code(
    owner: User,
    text: str = "SPRING-2030",
    *,
    issued_at: datetime = NOW,
    days: float = 7,
    program: ProgramInForce = DEFAULT_PROGRAM,
) -> NewReferralCode:
    return NewReferralCode(
        owner_id=owner.id,
        program=program,
        text=CodeText(text),
        issued_at=issued_at,
        expires_at=issued_at + timedelta(days=days),
    )


def a_referral(referee: UserId, code: ReferralCode, *, created_at: datetime = NOW) -> Referral:
    return Referral(
        referrer_id=code.owner_id,
        referee_id=referee,
        code_id=code.id,
        program_id=code.program.id,
        terms_version=code.program.terms_version,
        status=ReferralStatus.QUALIFIED,
        created_at=created_at,
        qualified_at=created_at,
    )


def a_refresh_token(holder: User, secret: str = "secret", *, family: int = 1) -> RefreshToken:
    return RefreshToken(
        digest=digest_of(secret),
        family_id=FamilyId(UUID(int=family)),
        user_id=holder.id,
        credentials_version=holder.credentials_version,
        expires_at=NOW + timedelta(days=30),
    )


def in_a_week(clock: Clock) -> datetime:
    return clock.now() + timedelta(weeks=1)


# Each of them belongs to somebody who trusts this machine, or to nobody.
NOT_PUBLIC = [
    *("0.0.0.0", "0.1.2.3"),  # this host
    *("10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255"),  # private
    *("192.168.0.1", "192.168.255.255"),
    *("100.64.0.1", "100.127.255.254", "100.100.100.200"),  # a provider's; Alibaba's metadata
    *("127.0.0.1", "127.255.255.254"),  # loopback
    *("169.254.0.1", "169.254.169.254", "169.254.170.2"),  # link-local; metadata
    *("168.63.129.16", "192.0.0.1", "192.0.0.192"),  # Azure's metadata, Oracle's
    *("192.0.2.1", "198.51.100.1", "203.0.113.1"),  # documentation
    *("192.88.99.1", "198.18.0.1", "198.19.255.255"),  # 6to4 relays, benchmarks
    *("224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "::127.0.0.1"),  # unspecified, loopback, IPv4-compatible
    *("::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:0:8.8.8.8"),  # IPv4-mapped, translated
    *("64:ff9b::127.0.0.1", "64:ff9b::8.8.8.8", "64:ff9b:1::1"),  # NAT64
    *("100::1", "2001::1", "2001:0:4136:e378::1", "2001:2::1", "2001:10::1", "2001:20::1"),
    *("2001:db8::1", "3fff::1", "2002:7f00:1::", "2002:808:808::"),  # documentation, 6to4
    *("fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "ff0e::1"),
    *("5f00::1", "4000::1"),  # segment routing, not given out
]

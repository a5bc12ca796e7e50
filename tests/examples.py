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

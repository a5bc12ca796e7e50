"""What the use cases need of the outside, and what they may count on.

Every promise here is held by a test that runs on each implementation. Every method that reaches the
database may also raise DatabaseUnavailable.
"""

from collections.abc import Collection, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from referral.application.limit import Limit, Use
from referral.application.page import Page, PageRequest
from referral.domain.referral import Referral
from referral.domain.referral_code import CodeId, CodeText, NewReferralCode, ReferralCode
from referral.domain.refresh_token import Digest, FamilyId, RefreshToken
from referral.domain.user import EmailAddress, ErasedUser, PublicUser, User, UserId, Username

# Longer than any attempt takes, and short enough to wait for.
IN_PROGRESS = timedelta(seconds=10)


DONE = "done"


@dataclass(slots=True)
class Deed:
    """Something that someone did or tried to do; no secret is in it, no name, no e-mail address and no code's text.

    `outcome` is "done", what the problem is called, or "failed"; `origin` says where the call came from.
    """

    action: str
    user_id: UserId | None = None
    code_id: CodeId | None = None
    other_user_id: UserId | None = None
    outcome: str = DONE
    reason: str = ""
    origin: Mapping[str, str] = field(default_factory=dict)


class AuditLog(Protocol):
    def write(self, deed: Deed) -> None:
        """Keep it, whatever else is kept of what happens; nobody waits for it."""


class Clock(Protocol):
    def now(self) -> datetime:
        """The time, aware and in UTC."""


class Randomness(Protocol):
    """Values nobody can guess, from a cryptographically secure source."""

    def new_id(self) -> UUID:
        """A UUID never given before; of two, one a millisecond later sorts later (UUIDv7, RFC 9562 §5.7)."""

    def code_text(self) -> CodeText:
        """A referral code's text: 12 characters that cannot be mistaken for each other."""

    def refresh_token(self) -> str:
        """A secret of at least 256 bits, in URL-safe characters."""


class EmailAddresses(Protocol):
    def parse(self, raw: str) -> EmailAddress:
        """The address in its normal spelling; raise InvalidInput unless it is valid (RFC 5321, RFC 6531)."""


class CommonPasswords(Protocol):
    def __contains__(self, password: object) -> bool:
        """Whether it is among the passwords most often chosen; case makes no difference."""


class PasswordHasher(Protocol):
    """Slow on purpose, never on the event loop, and never more at once than there is room for.

    `hash` and `verify` raise HashingBusy, at once, when too many others wait.
    """

    def ensure_room(self) -> None:
        """Raise HashingBusy if they would now: before work that would be for nothing."""

    async def hash(self, password: str) -> str:
        """A salted hash of the password, which has at most 72 bytes."""

    async def verify(self, password: str, password_hash: str | None) -> bool:
        """Whether the password made this hash.

        Takes as long when there is no hash, when the hash is damaged, and when the password is too long.
        """

    def is_outdated(self, password_hash: str) -> bool:
        """Whether a hash made today would be stronger."""


@dataclass(frozen=True, slots=True)
class AccessClaims:
    """Whom an access token speaks for, and under which version of their credentials."""

    user_id: UserId
    credentials_version: int


class AccessTokens(Protocol):
    @property
    def ttl(self) -> timedelta:
        """How long a token is good for."""

    def issue(self, claims: AccessClaims, now: datetime) -> str:
        """A signed token that is good until `now + ttl`."""

    def read(self, token: str, now: datetime) -> AccessClaims:
        """What the token says; raise InvalidAccessToken unless this service issued it and it is still good."""


class Revocations(Protocol):
    """Knows whose access tokens are worthless before they expire."""

    async def is_revoked(self, claims: AccessClaims) -> bool:
        """Whether the credentials have changed since: known within a second, on every process.

        A token issued after the change is good at once.
        """


class RateLimiter(Protocol):
    """Counts what may be done only so often; every process sees one count.

    Hits count until the bucket's window ends. An attempt in progress counts until it is finished, and for
    IN_PROGRESS at most: the process that made it may have died.
    """

    def ensure_open(self, bucket: str) -> None:
        """Raise TooManyAttempts if this process knows that the bucket is closed; nobody else is asked."""

    def close(self, bucket: str, time: timedelta) -> None:
        """Have `ensure_open` refuse the bucket for so long, in this process."""

    async def hit(self, limits: Mapping[str, Limit]) -> None:
        """Count one more in each bucket; raise TooManyAttempts if a limit is exceeded. Closes what has reached it."""

    async def look(self, *buckets: str) -> Mapping[str, Use]:
        """How much of each bucket is used."""

    async def start(self, limits: Mapping[str, Limit]) -> None:
        """Count an attempt in progress in each bucket, or in none and raise TooManyAttempts."""

    async def finish(self, buckets: Collection[str], *, hits: int) -> None:
        """Count one attempt in progress less in each bucket, and so many hits more."""

    async def remember(self, bucket: str, time: timedelta) -> None:
        """Have the bucket show a hit for so long, from now on."""


class Users(Protocol):
    async def add(self, user: User) -> None:
        """Store a new user; raise UsernameTaken or EmailTaken."""

    async def ensure_free(self, username: Username, email: EmailAddress) -> None:
        """Raise UsernameTaken or EmailTaken if that is so now; only `add` can promise it for good."""

    async def by_id(self, user_id: UserId) -> User:
        """Raise UserNotFound for one that does not exist or was erased."""

    async def lock(self, user_id: UserId) -> User:
        """As `by_id`, and until the transaction ends nobody else gets past here with this user.

        This is the one lock of the service: who decides about a user's password, codes or tokens holds it, and
        takes it before anything else. Two such locks are never held together.
        """

    async def by_login(self, key: str) -> User | None:
        """Whose e-mail address has this key, if there is an @ in it, or else whose user name."""

    async def set_password(self, user: User, password_hash: str, *, instead_of: str) -> bool:
        """Store a new hash unless another was stored since; the tokens stay as they are. Whether it was done."""

    async def change_credentials(self, user: User, now: datetime) -> None:
        """Store the user's new hash and credentials version, which revokes every token issued before."""

    async def erase(self, user: ErasedUser) -> None:
        """Forget name, address and password for good, and revoke every token issued before."""


class ReferralCodes(Protocol):
    async def add(self, code: NewReferralCode) -> ReferralCode:
        """Store a new code; raise ActiveCodeExists or CodeTaken, or UserNotFound when its owner is gone."""

    async def by_text(self, text: CodeText) -> ReferralCode:
        """Raise CodeNotFound if nobody ever issued it; a retired one is found."""

    async def retire(self, code: ReferralCode) -> None:
        """Store that the code is retired."""

    async def retire_all_of(self, owner_id: UserId, now: datetime) -> None:
        """Retire every code of this owner that still is active."""

    async def active_by_email(
        self, email: EmailAddress, now: datetime
    ) -> tuple[ReferralCode, PublicUser]:
        """The active code of the user with this address, and the user; raise CodeNotFound."""

    async def page_of(self, owner_id: UserId, request: PageRequest) -> Page[ReferralCode]:
        """The owner's codes, oldest first, expired ones too, retired ones not. Takes no cursor."""


@dataclass(frozen=True, slots=True)
class Referee:
    """Someone whom a referrer brought; name and address are None once that person's account is erased."""

    id: UserId
    email: str | None
    username: str | None
    created_at: datetime


class Referrals(Protocol):
    async def add(self, referral: Referral) -> None:
        """Store a referral; its referee has no other."""

    async def page_of(self, referrer_id: UserId, request: PageRequest) -> Page[Referee]:
        """The referrer's people, newest first, at the same cost however many they are."""


class RefreshTokens(Protocol):
    async def add(self, token: RefreshToken) -> None:
        """Store a new token; raise WrongCredentials unless its version of the holder's credentials is in force."""

    async def by_digest(self, digest: Digest) -> RefreshToken:
        """Raise InvalidRefreshToken for one that is not stored."""

    async def lock(self, digest: Digest) -> tuple[RefreshToken, User]:
        """The token as it is, and its holder, who is locked as by `Users.lock`; raise InvalidRefreshToken."""

    async def save(self, token: RefreshToken) -> None:
        """Store that the token is spent."""

    async def revoke_family(self, family_id: FamilyId) -> None:
        """Forget every token that descends from the same log-in."""

    async def revoke_all_of(self, user_id: UserId) -> None:
        """Forget every token of the user."""


class Transaction(Protocol):
    """The stores, within one transaction."""

    users: Users
    codes: ReferralCodes
    referrals: Referrals
    refresh_tokens: RefreshTokens


class UnitOfWork(Protocol):
    def begin(self) -> AbstractAsyncContextManager[Transaction]:
        """All that is done inside is committed at a clean end, before anything after it runs.

        An exception that leaves the block undoes all of it; what a store refuses changes nothing, and the
        block may go on. Outside, each call on a store is a transaction of its own.
        """


class Sealing(Protocol):
    """Keeps what is stored from who reads the database without the service's secret."""

    def seal(self, content: bytes) -> bytes:
        """The content, encrypted and signed."""

    def opened(self, sealed: bytes) -> bytes | None:
        """What was sealed; None when it was changed, or sealed under a secret that is gone."""


@dataclass(frozen=True, slots=True)
class CallRecord:
    """What is known of a call: its request, and the answer, None while it goes on. Both are sealed."""

    request: bytes
    answer: bytes | None


@dataclass(frozen=True, slots=True)
class Claim:
    """A call's right to be the one that is done for `call_id`, until someone else has it."""

    call_id: bytes
    holder: UUID


class NewRecord(Protocol):
    def keep(self, answer: bytes) -> None:
        """Have the answer stored, sealed, with what the call wrote."""


class IdempotencyRecords(Protocol):
    """Remembers calls that came with an idempotency key: for 24 hours, or while they go on for 10 seconds."""

    async def claim(self, call_id: bytes, request: bytes, now: datetime) -> Claim | CallRecord:
        """Claim a call for who asks now; or what is known of it, when someone else did it or does it."""

    def effects_of(self, claim: Claim, clock: Clock) -> AbstractAsyncContextManager[NewRecord]:
        """All that the stores write inside is committed at a clean end, together with the answer to keep.

        Without an answer the claim is given up. An exception undoes what was written, and gives it up. Raises
        RequestInProgress when the claim was lost meanwhile, and undoes what was written.
        """

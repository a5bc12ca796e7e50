"""What decides about access needs of the outside, and what it may count on."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from referral.application.access.limit import Limit, Use
from referral.application.pages import ListPage, ListRequest
from referral.application.ports import Clock
from referral.domain.access.api_key import ApiKey
from referral.domain.access.caller import KeyId, Scope
from referral.domain.access.refresh_token import Digest, FamilyId, RefreshToken
from referral.domain.accounts.sighting import Sighting
from referral.domain.accounts.user import EmailAddress, PublicUser, User, UserId

# Longer than any attempt takes, and short enough to wait for.
IN_PROGRESS = timedelta(seconds=10)


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


class Standing(Protocol):
    """Knows whose access tokens are worthless before they expire, and who is an administrator."""

    async def scopes_of(self, claims: AccessClaims) -> frozenset[Scope]:
        """What the token's holder may do for anybody; raise InvalidAccessToken if the credentials changed since.

        Both are known within a second, on every process; a token issued after the change is good at once.
        """


class ApiKeys(Protocol):
    async def add(self, key: ApiKey) -> None:
        """Store a new key."""

    async def page_of(self, request: ListRequest) -> ListPage[ApiKey]:
        """The keys, newest first, expired ones too, revoked ones not."""

    async def revoke(self, key_id: KeyId, now: datetime) -> None:
        """Make the key worthless for good; raise KeyNotFound, also for one revoked before."""


class KeyRing(Protocol):
    """Knows the keys that are good, and notes that they are used; nothing is asked of the database for a call."""

    async def find(self, digest: Digest) -> ApiKey:
        """The key; raise InvalidAccessToken for one that is unknown or revoked: known within a second, on every process."""

    def note_use(self, key: ApiKey, now: datetime) -> None:
        """Have `last_used_at` say so, to the minute, soon after."""


@dataclass(frozen=True, slots=True)
class Administrator:
    """Someone who may do everything, and since when."""

    user: PublicUser
    granted_at: datetime


class Administrators(Protocol):
    async def grant(self, email: EmailAddress, now: datetime) -> UserId:
        """Give the role to the user with this address, who may have it already; raise UserNotFound."""

    async def revoke(self, email: EmailAddress) -> UserId:
        """Take the role from the user with this address; raise NotAnAdministrator."""

    async def all(self) -> Sequence[Administrator]:
        """Everyone with the role, those first who have had it longest."""


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

    async def take(self, bucket: str, limit: Limit, hits: int) -> tuple[int, Use]:
        """Count so many more; give for how many of them there was room, and how much is used now."""

    async def look(self, *buckets: str) -> Mapping[str, Use]:
        """How much of each bucket is used."""

    async def start(self, limits: Mapping[str, Limit]) -> None:
        """Count an attempt in progress in each bucket, or in none and raise TooManyAttempts."""

    async def finish(self, buckets: Collection[str], *, hits: int) -> None:
        """Count one attempt in progress less in each bucket, and so many hits more."""

    async def remember(self, bucket: str, time: timedelta) -> None:
        """Have the bucket show a hit for so long, from now on."""


class RefreshTokens(Protocol):
    async def add(self, token: RefreshToken, sighting: Sighting | None = None) -> None:
        """Store a new token; raise WrongCredentials unless its version of the holder's credentials is in force.

        The sighting of the holder is kept as by `Users.add`.
        """

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
    """Remembers calls that came with an idempotency key: for 24 hours, or while they go on.

    A claim ends by itself 10 seconds after it was made or renewed: the process that has it may have died.
    """

    async def claim(self, call_id: bytes, request: bytes, now: datetime) -> Claim | CallRecord:
        """Claim a call for who asks now; or what is known of it, when someone else did it or does it."""

    async def renew(self, claim: Claim, now: datetime) -> None:
        """Have the claim for as long again, unless it was lost or the call is answered.

        It belongs to no call: nothing that one writes, or has waited for, is in its way.
        """

    def effects_of(self, claim: Claim, clock: Clock) -> AbstractAsyncContextManager[NewRecord]:
        """All that the stores write inside is committed at a clean end, together with the answer to keep.

        Without an answer the claim is given up. An exception undoes what was written, and gives it up. Raises
        RequestInProgress when the claim was lost meanwhile, and undoes what was written.
        """

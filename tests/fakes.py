"""In-memory implementations of every port, under the same promises as the real ones.

`tests/contract` runs one suite on both, so that what the unit tests find with these holds for the real ones.
"""

import asyncio
import re
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_interface, ip_network
from typing import Protocol
from uuid import UUID, uuid4

from examples import DEFAULT_PROGRAM, NOW
from fake_rewards import (
    InMemoryBooks,
    InMemoryDecisions,
    InMemoryEvents,
    InMemoryPayouts,
    InMemoryRewards,
)
from referral.application.access.limit import Limit, Use, refused_for
from referral.application.access.ports import (
    IN_PROGRESS,
    AccessClaims,
    Administrator,
    Administrators,
    ApiKeys,
    CallRecord,
    Claim,
    NewRecord,
    RefreshTokens,
)
from referral.application.accounts.participant_reference import ParticipantReference, reference_to
from referral.application.accounts.ports import Participants, Users
from referral.application.pages import MAX_POSITION, ListPage, ListRequest, Page, PageRequest
from referral.application.ports import Clock, Deed
from referral.application.programs.ports import (
    NamedReferral,
    ProgramChanged,
    Programs,
    Referee,
    ReferralCodes,
    ReferralFilter,
    Referrals,
    ReferralUnderTerms,
    RetiredCode,
)
from referral.application.rewards.ports import (
    Decisions,
    Events,
    MadeDecision,
    Payouts,
    RecordedEvent,
    Rewards,
)
from referral.application.rewards.reviews import NamedReview
from referral.application.transaction import Transaction
from referral.application.webhooks.ports import (
    Answer,
    Backlog,
    Deliveries,
    Endpoints,
    Lane,
    Listeners,
    Outbox,
    Replay,
)
from referral.domain.access.api_key import ALPHABET, SECRET_LENGTH, ApiKey
from referral.domain.access.caller import OPERATOR, KeyId, Scope
from referral.domain.access.errors import (
    InvalidAccessToken,
    InvalidRefreshToken,
    KeyNotFound,
    NotAnAdministrator,
    RequestInProgress,
    WrongCredentials,
)
from referral.domain.access.refresh_token import Digest, FamilyId, RefreshToken
from referral.domain.accounts.errors import (
    EmailTaken,
    ExternalIdTaken,
    HashingBusy,
    ParticipantNotFound,
    UsernameTaken,
    UserNotFound,
)
from referral.domain.accounts.external_id import ExternalId
from referral.domain.accounts.sighting import NetworkName, Sighting
from referral.domain.accounts.user import (
    EMAIL_MAX_LENGTH,
    PASSWORD_MAX_BYTES,
    EmailAddress,
    ErasedUser,
    Participant,
    PublicUser,
    User,
    UserId,
    Username,
)
from referral.domain.errors import DatabaseUnavailable, InvalidInput
from referral.domain.programs.errors import (
    ActiveCodeExists,
    AlreadyReferred,
    CodeNotFound,
    CodeTaken,
    ProgramNotFound,
    ReferralNotFound,
    SlugTaken,
    TermsNotFound,
)
from referral.domain.programs.program import (
    DEFAULT,
    NewProgram,
    Program,
    ProgramId,
    ProgramInForce,
    ProgramStatus,
    Slug,
)
from referral.domain.programs.referral import Referral, ReferralStatus
from referral.domain.programs.referral_code import (
    GENERATED_LENGTH,
    UNAMBIGUOUS,
    CodeId,
    CodeText,
    NewReferralCode,
    ReferralCode,
)
from referral.domain.programs.terms import KeptTerms, Terms, TermsVersion
from referral.domain.rewards.decision import REVIEW, Decision, Reason
from referral.domain.rewards.event import EventId, EventNumber
from referral.domain.rewards.payout import Payout
from referral.domain.rewards.review import ReviewStatus
from referral.domain.rewards.reward import PayoutId, Reward, RewardId
from referral.domain.webhooks.delivery import Delivery, DeliveryStatus, MessageId
from referral.domain.webhooks.endpoint import Endpoint, EndpointId
from referral.domain.webhooks.errors import EndpointNotFound, MessageNotFound
from referral.domain.webhooks.message import Message, MessageType
from referral.domain.webhooks.signing import SECRET_BYTES


@dataclass
class FakeAuditLog:
    """Keeps what is written in a list, without what is not known."""

    deeds: list[dict[str, object]] = field(default_factory=list)

    def write(self, deed: Deed) -> None:
        written = {**asdict(deed), **deed.origin}
        del written["origin"]
        self.deeds.append({name: value for name, value in written.items() if value})


class FakeClock:
    """Stands still until it is told to advance."""

    def __init__(self, now: datetime = datetime(2030, 1, 1, tzinfo=UTC)) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now

    def advance(self, **by: float) -> None:
        """Move on by a `timedelta` of these arguments; a negative one sets the clock back."""
        self._now += timedelta(**by)


@dataclass
class FakeRandomness:
    """Counts, where the real one draws; `code_texts` come first, for a draw that collides."""

    code_texts: list[str] = field(default_factory=list)
    _drawn: int = 0

    def _next(self) -> int:
        self._drawn += 1
        return self._drawn

    def new_id(self) -> UUID:
        return UUID(int=self._next() << 80 | 0x7 << 76 | 0x2 << 62)

    def code_text(self) -> CodeText:
        if self.code_texts:
            return CodeText(self.code_texts.pop(0))
        drawn, text = self._next(), ""
        for _ in range(GENERATED_LENGTH):
            drawn, digit = divmod(drawn, len(UNAMBIGUOUS))
            text = UNAMBIGUOUS[digit] + text
        return CodeText(text)

    def api_key_secret(self) -> str:
        drawn, text = self._next(), ""
        for _ in range(SECRET_LENGTH):
            drawn, digit = divmod(drawn, len(ALPHABET))
            text = ALPHABET[digit] + text
        return text

    def refresh_token(self) -> str:
        return f"refresh-token-{self._next():032d}"

    def webhook_secret(self) -> bytes:
        return self._next().to_bytes(SECRET_BYTES)


class FakeEmailAddresses:
    """The rule of thumb: something, an @, and a domain with a dot, in which case makes no difference."""

    def parse(self, raw: str) -> EmailAddress:
        match = re.fullmatch(r"([\w.+'-]{1,64})@((?:[\w-]+\.)+[\w-]+)", raw)
        if match is None or ".." in raw or raw.startswith(".") or len(raw) > EMAIL_MAX_LENGTH:
            raise InvalidInput("This is not a valid e-mail address.")
        return EmailAddress(f"{match[1]}@{match[2].lower()}")


class FakeDisposableAddresses:
    def __contains__(self, address: EmailAddress) -> bool:
        domain = address.value.rpartition("@")[2].lower()
        return f".{domain}".endswith(".mailinator.com")


class FakeCommonPasswords:
    def __contains__(self, password: object) -> bool:
        return str(password).casefold() in {"password", "password123", "iloveyou"}


@dataclass
class FakePasswordHasher:
    """Remembers in the hash what it is of.

    `strength` is the real one's cost; `busy` fills the queue; `meanwhile` runs once, while the next
    password is hashed or checked, for what others do in that time; `hashes` and `checks` count the work.
    """

    strength: int = 1
    busy: bool = False
    meanwhile: Callable[[], Awaitable[None]] | None = None
    hashes: int = 0
    checks: int = 0

    def ensure_room(self) -> None:
        if self.busy:
            raise HashingBusy

    async def hash(self, password: str) -> str:
        await self._work()
        self.hashes += 1
        return f"{self.strength}${self.hashes}${password}"

    async def verify(self, password: str, password_hash: str | None) -> bool:
        await self._work()
        self.checks += 1
        parts = (password_hash or "").split("$", 2)
        fits = len(password.encode("utf-8", "surrogatepass")) <= PASSWORD_MAX_BYTES
        return fits and len(parts) == 3 and parts[2] == password

    def is_outdated(self, password_hash: str) -> bool:
        strength = password_hash.partition("$")[0]
        return strength.isdecimal() and int(strength) < self.strength

    async def _work(self) -> None:
        self.ensure_room()
        happens, self.meanwhile = self.meanwhile, None
        if happens:
            await happens()


class FakeAccessTokens:
    """Keeps a list of what it gave out, where the real one signs."""

    def __init__(self, ttl: timedelta = timedelta(minutes=15)) -> None:
        self.ttl = ttl
        self._issued: dict[str, tuple[AccessClaims, datetime]] = {}

    def issue(self, claims: AccessClaims, now: datetime) -> str:
        token = f"access-token-{len(self._issued) + 1}"
        self._issued[token] = claims, now
        return token

    def read(self, token: str, now: datetime) -> AccessClaims:
        claims, issued_at = self._issued.get(token, (None, now))
        if claims is None or not issued_at - timedelta(seconds=30) <= now < issued_at + self.ttl:
            raise InvalidAccessToken
        return claims


@dataclass
class Bucket:
    """What one holds: hits until its window ends, attempts in progress until they are given up."""

    resets_at: datetime
    hits: int = 0
    in_progress: int = 0
    given_up_at: datetime | None = None


@dataclass
class FakeRateLimiter:
    """Counts in fixed windows, as the real one does."""

    clock: Clock
    _buckets: dict[str, Bucket] = field(default_factory=dict)
    _closed_until: dict[str, datetime] = field(default_factory=dict)

    def ensure_open(self, bucket: str) -> None:
        left = self._closed_until.get(bucket, self.clock.now()) - self.clock.now()
        if left > timedelta(0):
            raise refused_for(left)

    def close(self, bucket: str, time: timedelta) -> None:
        self._closed_until[bucket] = self.clock.now() + time

    async def hit(self, limits: Mapping[str, Limit]) -> None:
        for bucket in limits:
            self.ensure_open(bucket)
        before = await self.look(*limits)
        for bucket, limit in limits.items():
            counted = self._at(bucket, limit)
            counted.hits += 1
            if counted.hits >= limit.hits:
                self._closed_until[bucket] = counted.resets_at
        for bucket, limit in limits.items():
            limit.ensure_room(before[bucket])

    async def take(self, bucket: str, limit: Limit, hits: int) -> tuple[int, Use]:
        counted = self._at(bucket, limit)
        free = max(0, limit.hits - counted.hits)
        counted.hits += hits
        return min(hits, free), self._use(counted, self.clock.now())

    async def look(self, *buckets: str) -> Mapping[str, Use]:
        now = self.clock.now()
        return {
            bucket: self._use(self._buckets.get(bucket, Bucket(now)), now) for bucket in buckets
        }

    async def start(self, limits: Mapping[str, Limit]) -> None:
        before = await self.look(*limits)
        for bucket, limit in limits.items():
            limit.ensure_room(before[bucket])
        for bucket, limit in limits.items():
            started = self._at(bucket, limit)
            started.in_progress = before[bucket].in_progress + 1
            started.given_up_at = self.clock.now() + IN_PROGRESS

    async def finish(self, buckets: Collection[str], *, hits: int) -> None:
        for bucket in buckets:
            if bucket in self._buckets:
                self._buckets[bucket].hits += hits
                self._buckets[bucket].in_progress -= 1

    async def remember(self, bucket: str, time: timedelta) -> None:
        self._buckets[bucket] = Bucket(self.clock.now() + time, hits=1)

    def _at(self, bucket: str, limit: Limit) -> Bucket:
        now = self.clock.now()
        if bucket not in self._buckets or self._buckets[bucket].resets_at <= now:
            self._buckets[bucket] = Bucket(now + limit.window)
        return self._buckets[bucket]

    @staticmethod
    def _use(bucket: Bucket, now: datetime) -> Use:
        if bucket.resets_at <= now:
            return Use()
        given_up = bucket.given_up_at is None or bucket.given_up_at <= now
        in_progress = 0 if given_up else max(bucket.in_progress, 0)
        return Use(bucket.hits, in_progress, bucket.resets_at - now)


@dataclass
class Rows:
    """What is stored. The values never change, so a copy of the containers is a snapshot."""

    participants: dict[UserId, Participant] = field(default_factory=dict)
    programs: dict[Slug, Program] = field(
        default_factory=lambda: {DEFAULT: DEFAULT_PROGRAM.program}
    )
    terms: dict[Slug, list[KeptTerms]] = field(
        default_factory=lambda: {DEFAULT: [KeptTerms(TermsVersion(1), DEFAULT_PROGRAM.terms, NOW)]}
    )
    codes: dict[CodeId, ReferralCode] = field(default_factory=dict)
    referrals: list[Referral] = field(default_factory=list)
    refresh_tokens: dict[Digest, RefreshToken] = field(default_factory=dict)
    api_keys: dict[KeyId, ApiKey] = field(default_factory=dict)
    administrators: dict[UserId, datetime] = field(default_factory=dict)
    sightings: dict[UserId, dict[NetworkName, Sighting]] = field(default_factory=dict)

    erased: dict[UserId, datetime] = field(default_factory=dict)
    events: dict[tuple[str, EventId], RecordedEvent] = field(default_factory=dict)
    recorded_at: dict[EventNumber, datetime] = field(default_factory=dict)
    rewards: dict[RewardId, Reward] = field(default_factory=dict)
    decisions: list[MadeDecision] = field(default_factory=list)
    payouts: dict[PayoutId, Payout] = field(default_factory=dict)
    endpoints: dict[EndpointId, Endpoint] = field(default_factory=dict)
    deliveries: dict[tuple[EndpointId, MessageId], Delivery] = field(default_factory=dict)

    def snapshot(self) -> "Rows":
        return Rows(
            dict(self.participants),
            dict(self.programs),
            {slug: [*terms] for slug, terms in self.terms.items()},
            dict(self.codes),
            list(self.referrals),
            dict(self.refresh_tokens),
            dict(self.api_keys),
            dict(self.administrators),
            {who: dict(seen) for who, seen in self.sightings.items()},
            dict(self.erased),
            dict(self.events),
            dict(self.recorded_at),
            dict(self.rewards),
            list(self.decisions),
            dict(self.payouts),
            dict(self.endpoints),
            dict(self.deliveries),
        )

    @property
    def users(self) -> dict[UserId, User]:
        """Those with a password."""
        return {i: user for i, user in self.participants.items() if isinstance(user, User)}

    def participant(self, user_id: UserId) -> Participant:
        if user_id not in self.participants:
            raise UserNotFound
        brought = (r.referrer_id for r in self.referrals if r.referee_id == user_id)
        return replace(self.participants[user_id], referrer_id=next(brought, None))

    def user(self, user_id: UserId) -> User:
        user = self.participant(user_id)
        if not isinstance(user, User):
            raise UserNotFound
        return user

    def see(self, user_id: UserId, sighting: Sighting | None) -> None:
        """Keep it, if terms ask for networks."""
        asked_for = any(
            program.status != ProgramStatus.ENDED and self.terms[slug][-1].terms.judges_networks
            for slug, program in self.programs.items()
        )
        if sighting is not None and asked_for:
            self.sightings.setdefault(user_id, {})[sighting.network] = sighting

    def in_force(self, slug: Slug) -> ProgramInForce:
        if slug not in self.programs:
            raise ProgramNotFound
        return ProgramInForce(self.programs[slug], self.terms[slug][-1].terms)

    def now_of(self, code: ReferralCode) -> ReferralCode:
        return replace(code, program=self.in_force(code.program.slug).of_code)


class Access(Protocol):
    """How a store gets at the rows: those that are committed, or those of its transaction."""

    def read(self) -> Rows: ...

    def write(self) -> AbstractAsyncContextManager[Rows]: ...


JOINT: ContextVar[Rows | None] = ContextVar("JOINT", default=None)
# The joint draft that what is done apart does not belong to; it is empty yet.
AROUND: ContextVar[Rows | None] = ContextVar("AROUND", default=None)
"""The draft that all that is written now goes into, if there is one."""


class InMemoryStore:
    """Everything that is committed. One writes at a time, which no promise forbids and every lock implies."""

    def __init__(self) -> None:
        self._rows = Rows()
        self._turn = asyncio.Lock()
        self.idempotency_records = InMemoryIdempotencyRecords(self)
        self.users = InMemoryUsers(self)
        self.participants = InMemoryParticipants(self)
        self.programs = InMemoryPrograms(self)
        self.codes = InMemoryReferralCodes(self)
        self.referrals = InMemoryReferrals(self)
        self.events = InMemoryEvents(self)
        self.rewards = InMemoryRewards(self)
        self.decisions = InMemoryDecisions(self)
        self.reviews = InMemoryReviews(self)
        self.payouts = InMemoryPayouts(self)
        self.books = InMemoryBooks(self)
        self.refresh_tokens = InMemoryRefreshTokens(self)
        self.api_keys: ApiKeys = InMemoryApiKeys(self)
        self.administrators: Administrators = InMemoryAdministrators(self)
        self.endpoints: Endpoints = InMemoryEndpoints(self)
        self.deliveries: Deliveries = InMemoryDeliveries(self)
        self.listeners: Listeners = FakeListeners(self)

    def read(self) -> Rows:
        return JOINT.get() or self._rows

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Rows]:
        async with self._draft() as draft:
            yield draft

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Transaction]:
        async with self._draft() as draft:
            yield InMemoryTransaction(draft)

    @contextmanager
    def apart(self) -> Iterator[None]:
        joint = JOINT.set(None)
        around = AROUND.set(joint.old_value if isinstance(joint.old_value, Rows) else None)
        try:
            yield
        finally:
            AROUND.reset(around)
            JOINT.reset(joint)

    @asynccontextmanager
    async def _draft(self) -> AsyncIterator[Rows]:
        """What is changed is taken over at a clean end."""
        if joint := JOINT.get():
            draft = joint.snapshot()
            yield draft
            vars(joint).update(vars(draft))
            return
        if around := AROUND.get():
            assert around == self._rows
            draft = self._rows.snapshot()
            yield draft
            self._rows = draft
            vars(around).update(vars(draft.snapshot()))
            return
        async with self._turn:
            draft = self._rows.snapshot()
            yield draft
            self._rows = draft

    @asynccontextmanager
    async def joint(self) -> AsyncIterator[None]:
        """All that is written inside is taken over together."""
        async with self._draft() as draft:
            outside = JOINT.set(draft)
            try:
                yield
            finally:
                JOINT.reset(outside)


class InMemoryTransaction:
    """The stores on a draft of the rows."""

    users: Users
    participants: Participants
    programs: Programs
    codes: ReferralCodes
    referrals: Referrals
    events: Events
    rewards: Rewards
    decisions: Decisions
    payouts: Payouts
    refresh_tokens: RefreshTokens
    endpoints: Endpoints
    outbox: Outbox

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self.users = InMemoryUsers(self)
        self.participants = InMemoryParticipants(self)
        self.programs = InMemoryPrograms(self)
        self.codes = InMemoryReferralCodes(self)
        self.referrals = InMemoryReferrals(self)
        self.events = InMemoryEvents(self)
        self.rewards = InMemoryRewards(self)
        self.decisions = InMemoryDecisions(self)
        self.payouts = InMemoryPayouts(self)
        self.refresh_tokens = InMemoryRefreshTokens(self)
        self.endpoints = InMemoryEndpoints(self)
        self.outbox = InMemoryOutbox(self)

    def read(self) -> Rows:
        return self._rows

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Rows]:
        yield self._rows


@dataclass(frozen=True)
class InMemoryUsers:
    access: Access

    async def add(self, user: User, sighting: Sighting | None = None) -> None:
        async with self.access.write() as rows:
            _add(rows, user)
            rows.see(user.id, sighting)

    async def ensure_free(self, username: Username, email: EmailAddress) -> None:
        names = Participant(
            id=UserId(UUID(int=0)), username=username, email=email, created_at=datetime.now(UTC)
        )
        _ensure_free(self.access.read(), names)

    async def by_id(self, user_id: UserId) -> User:
        return self.access.read().user(user_id)

    async def lock(self, user_id: UserId) -> Participant:
        async with self.access.write() as rows:
            return rows.participant(user_id)

    async def by_login(self, key: str) -> User | None:
        rows = self.access.read()
        for user in rows.users.values():
            if key == (user.email.key if "@" in key else user.username.key):
                return rows.user(user.id)
        return None

    async def set_password(self, user: User, password_hash: str, *, instead_of: str) -> bool:
        async with self.access.write() as rows:
            current = rows.users.get(user.id)
            if current is None or current.password_hash != instead_of:
                return False
            rows.participants[user.id] = replace(current, password_hash=password_hash)
            return True

    async def change_credentials(self, user: User, now: datetime) -> None:
        async with self.access.write() as rows:
            if user.id in rows.users:
                rows.participants[user.id] = replace(
                    rows.users[user.id],
                    password_hash=user.password_hash,
                    credentials_version=user.credentials_version,
                )

    async def erase(self, user: ErasedUser) -> None:
        async with self.access.write() as rows:
            rows.participants.pop(user.id, None)
            rows.administrators.pop(user.id, None)
            rows.erased[user.id] = user.erased_at
            rows.sightings.pop(user.id, None)


def _add(rows: Rows, participant: Participant) -> None:
    _ensure_free(rows, participant)
    if participant.id in rows.participants:
        raise DatabaseUnavailable
    rows.participants[participant.id] = participant


def _ensure_free(rows: Rows, participant: Participant) -> None:
    others = [other for other in rows.participants.values() if other.id != participant.id]

    def is_taken(name: str) -> bool:
        wanted = getattr(participant, name)
        same = (getattr(other, name) for other in others)
        return wanted is not None and _key(wanted) in {_key(value) for value in same if value}

    if is_taken("external_id"):
        raise ExternalIdTaken
    if is_taken("username"):
        raise UsernameTaken
    if is_taken("email"):
        raise EmailTaken


def _key(name: Username | EmailAddress | ExternalId) -> str:
    return name.value if isinstance(name, ExternalId) else name.key


@dataclass(frozen=True)
class InMemoryParticipants:
    access: Access

    async def add(self, participant: Participant) -> None:
        async with self.access.write() as rows:
            _add(rows, participant)

    async def find(self, reference: ParticipantReference) -> Participant:
        return _participant(self.access.read(), reference)

    async def lock(self, reference: ParticipantReference) -> Participant:
        async with self.access.write() as rows:
            return _participant(rows, reference)

    async def lock_row(self, participant_id: UserId) -> None:
        """One writes at a time anyway."""

    async def save(self, participant: Participant) -> None:
        async with self.access.write() as rows:
            _ensure_free(rows, participant)
            if participant.id in rows.participants:
                rows.participants[participant.id] = replace(
                    rows.participants[participant.id],
                    username=participant.username,
                    email=participant.email,
                    locale=participant.locale,
                )

    async def are_there_any(self) -> bool:
        rows = self.access.read()
        return bool(rows.participants or rows.erased)


def _participant(rows: Rows, reference: ParticipantReference) -> Participant:
    for participant in rows.participants.values():
        if reference in (participant.id, participant.external_id):
            return rows.participant(participant.id)
    raise ParticipantNotFound


@dataclass(frozen=True)
class InMemoryPrograms:
    access: Access

    async def add(self, program: NewProgram, terms: Terms) -> Program:
        async with self.access.write() as rows:
            if program.slug in rows.programs:
                raise SlugTaken
            stored = Program(
                **{item.name: getattr(program, item.name) for item in fields(program)},
                id=ProgramId(len(rows.programs) + 1),
                terms_version=TermsVersion(1),
                revision=uuid4(),
            )
            rows.programs[program.slug] = stored
            rows.terms[program.slug] = [KeptTerms(TermsVersion(1), terms, program.created_at)]
            return stored

    async def in_force(self, slug: Slug) -> ProgramInForce:
        return self.access.read().in_force(slug)

    async def lock(self, slug: Slug) -> Program:
        async with self.access.write() as rows:
            return rows.in_force(slug).program

    async def save(self, program: Program) -> Program:
        async with self.access.write() as rows:
            stored = rows.programs[program.slug]
            rows.programs[program.slug] = replace(
                program, terms_version=stored.terms_version, revision=uuid4()
            )
            return rows.programs[program.slug]

    async def page_of(self, request: ListRequest) -> ListPage[Program]:
        newest = reversed(self.access.read().programs.values())
        found = [p for p in newest if request.cursor is None or p.id < request.cursor]
        return ListPage.of(found[: request.limit + 1], request, lambda program: program.id)

    async def add_terms(self, slug: Slug, terms: Terms, now: datetime) -> KeptTerms:
        async with self.access.write() as rows:
            program = rows.in_force(slug).program
            kept = KeptTerms(TermsVersion(program.terms_version + 1), terms, now)
            rows.terms[slug].append(kept)
            rows.programs[slug] = replace(program, terms_version=kept.version, revision=uuid4())
            return kept

    async def terms(self, slug: Slug, version: TermsVersion) -> KeptTerms:
        rows = self.access.read()
        rows.in_force(slug)
        for kept in rows.terms[slug]:
            if kept.version == version:
                return kept
        raise TermsNotFound


@dataclass(frozen=True)
class InMemoryReferralCodes:
    access: Access

    async def add(self, code: NewReferralCode) -> ReferralCode:
        async with self.access.write() as rows:
            rows.participant(code.owner_id)
            program = code.program.program
            if rows.programs[program.slug].revision != program.revision:
                raise ProgramChanged
            if any(other.text == code.text for other in rows.codes.values()):
                raise CodeTaken
            code = replace(code, issued_at=_not_before_a_withdrawal(rows, code))
            too_late = code.issued_at >= code.expires_at
            if too_late or any(_overlap(code, other) for other in rows.codes.values()):
                raise ActiveCodeExists
            stored = ReferralCode(
                id=CodeId(len(rows.codes) + 1),
                owner_id=code.owner_id,
                program=code.program.of_code,
                text=code.text,
                issued_at=code.issued_at,
                expires_at=code.expires_at,
                max_uses=code.program.terms.code.max_uses,
            )
            rows.codes[stored.id] = stored
            return stored

    async def by_text(self, text: CodeText) -> ReferralCode:
        return _by_text(self.access.read(), text)

    async def retire(self, code: ReferralCode) -> None:
        async with self.access.write() as rows:
            rows.codes[code.id] = replace(rows.codes[code.id], retired_at=code.retired_at)

    async def retire_all_of(self, owner_id: UserId, now: datetime) -> Sequence[RetiredCode]:
        async with self.access.write() as rows:
            active = [code for code in _owned(rows, owner_id) if code.is_active(now)]
            rows.codes |= {code.id: code.retire(now) for code in active}
            return [RetiredCode(code.id, code.text, code.program.slug) for code in active]

    async def retire_active(
        self, owner_id: UserId, program_id: ProgramId, now: datetime
    ) -> Sequence[RetiredCode]:
        async with self.access.write() as rows:
            active = [
                code
                for code in _owned(rows, owner_id)
                if code.program.id == program_id and code.is_active(now)
            ]
            rows.codes |= {code.id: code.retire(now) for code in active}
            return [RetiredCode(code.id, code.text, code.program.slug) for code in active]

    async def active_by_email(
        self, email: EmailAddress, now: datetime
    ) -> tuple[ReferralCode, PublicUser]:
        rows = self.access.read()
        for owner in rows.participants.values():
            if owner.email and owner.email.key == email.key:
                for code in _owned(rows, owner.id):
                    if code.program.slug == DEFAULT and code.is_active(now):
                        public = PublicUser(id=owner.id, username=owner.username, email=owner.email)
                        return code, public
        raise CodeNotFound

    async def newest_of(self, owner_id: UserId, request: ListRequest) -> ListPage[ReferralCode]:
        listed = [code for code in _owned(self.access.read(), owner_id) if code.retired_at is None]
        before = request.cursor
        found = [code for code in reversed(listed) if before is None or code.id < before]
        return ListPage.of(found[: request.limit + 1], request, lambda code: code.id)

    async def page_of(self, owner_id: UserId, request: PageRequest) -> Page[ReferralCode]:
        listed = [code for code in _owned(self.access.read(), owner_id) if code.retired_at is None]
        items = listed[request.offset : request.offset + request.size]
        return Page(items, len(listed), request.page, request.size)


def _not_before_a_withdrawal(rows: Rows, new: NewReferralCode) -> datetime:
    """When it is issued: after the owner's last withdrawal, by whatever clock that was."""
    withdrawn = (
        old.retired_at
        for old in _owned(rows, new.owner_id)
        if old.program.id == new.program.program.id
        and old.retired_at
        and old.issued_at <= new.issued_at < min(old.retired_at, old.expires_at)
    )
    return max(withdrawn, default=new.issued_at)


def _overlap(new: NewReferralCode, old: ReferralCode) -> bool:
    """Whether both would be active at some moment, as the exclusion constraint sees it."""
    end = min(old.retired_at or old.expires_at, old.expires_at)
    ever_active = old.issued_at < end
    return (
        new.owner_id == old.owner_id
        and new.program.program.id == old.program.id
        and ever_active
        and new.issued_at < end
        and old.issued_at < new.expires_at
    )


def _owned(rows: Rows, owner_id: UserId) -> Iterator[ReferralCode]:
    return (rows.now_of(code) for code in rows.codes.values() if code.owner_id == owner_id)


def _by_text(rows: Rows, text: CodeText) -> ReferralCode:
    for code in rows.codes.values():
        if code.text == text:
            return rows.now_of(code)
    raise CodeNotFound


@dataclass(frozen=True)
class InMemoryReferrals:
    access: Access

    async def add(self, referral: Referral) -> None:
        async with self.access.write() as rows:
            if any(other.referee_id == referral.referee_id for other in rows.referrals):
                raise AlreadyReferred
            if referral.referee_id not in rows.participants:
                raise ParticipantNotFound
            rows.referrals.append(referral)
            used = rows.codes[referral.code_id]
            rows.codes[used.id] = replace(used, uses=used.uses + 1)

    async def under_terms(self, referee_id: UserId) -> ReferralUnderTerms | None:
        rows = self.access.read()
        found = [r for r in rows.referrals if r.referee_id == referee_id]
        if not found:
            return None
        [referral] = found
        program = next(p for p in rows.programs.values() if p.id == referral.program_id)
        kept = rows.terms[program.slug][referral.terms_version - 1]
        return ReferralUnderTerms(referral, kept.terms, program.status == ProgramStatus.ENDED)

    async def save(self, referral: Referral) -> None:
        async with self.access.write() as rows:
            for at, before in enumerate(rows.referrals):
                if before.referee_id == referral.referee_id:
                    rows.referrals[at] = replace(
                        before,
                        status=referral.status,
                        qualified_at=referral.qualified_at,
                        held_reasons=referral.held_reasons,
                    )

    async def expire_overdue(self, now: datetime, most: int) -> Sequence[Referral]:
        expired: list[Referral] = []
        async with self.access.write() as rows:
            over = {p.id for p in rows.programs.values() if p.status == ProgramStatus.ENDED}
            for at, one in enumerate(rows.referrals):
                if len(expired) == most:
                    break
                if (
                    one.status == ReferralStatus.SIGNED_UP
                    and one.qualifies_until is not None
                    and one.qualifies_until < now
                    and one.program_id not in over
                ):
                    rows.referrals[at] = replace(one, status=ReferralStatus.EXPIRED)
                    expired.append(rows.referrals[at])
        return expired

    async def find(self, referee_id: UserId) -> NamedReferral:
        rows = self.access.read()
        for referral in rows.referrals:
            if referral.referee_id == referee_id:
                return _named(rows, referral)
        raise ReferralNotFound

    async def newest(self, wanted: ReferralFilter, request: ListRequest) -> ListPage[NamedReferral]:
        rows = self.access.read()
        newest = sorted(rows.referrals, key=lambda r: (r.created_at, r.referee_id), reverse=True)
        if request.cursor is not None:
            ids = [r.referee_id.int for r in newest]
            after = ids.index(request.cursor) + 1 if request.cursor in ids else len(ids)
            newest = newest[after:]
        found = [
            _named(rows, r)
            for r in newest
            if wanted.program_id in (None, r.program_id)
            and wanted.referrer_id in (None, r.referrer_id)
            and wanted.status in (None, r.status)
        ]
        return ListPage.of(
            found[: request.limit + 1], request, lambda named: named.referral.referee_id.int
        )

    async def nth_newest_at(self, referrer_id: UserId, n: int) -> datetime | None:
        brought = [r for r in self.access.read().referrals if r.referrer_id == referrer_id]
        return brought[-n].created_at if n <= len(brought) else None

    async def nth_newest_seen_at(
        self, referral: Referral, networks: Sequence[NetworkName], n: int
    ) -> datetime | None:
        seen = [
            max(there, key=lambda sighting: sighting.at)
            for who, places in self.access.read().sightings.items()
            if who != referral.referee_id
            and (there := [places[name] for name in networks if name in places])
            and referral.referrer_id in {who, *(sighting.referrer_id for sighting in there)}
        ]
        newest = sorted((sighting.at for sighting in seen), reverse=True)
        return newest[n - 1] if n <= len(newest) else None

    async def page_of(self, referrer_id: UserId, request: PageRequest) -> Page[Referee]:
        rows = self.access.read()
        brought = [r for r in rows.referrals if r.referrer_id == referrer_id]
        total, size = len(brought), request.size
        # Each has a number, from 1; the page starts with `newest` and goes down.
        newest = total - request.offset if request.cursor is None else request.cursor - 1
        numbers = range(min(newest, total), max(newest - size, 0), -1)
        if not numbers:
            return Page([], total, request.page, size)
        return Page(
            [_referee(rows, brought[number - 1]) for number in numbers],
            total,
            request.page if request.cursor is None else (total - numbers[0]) // size + 1,
            size,
            numbers[-1] if numbers[-1] > 1 else None,
        )


@dataclass(frozen=True)
class InMemoryReviews:
    access: Access

    async def page_of(self, status: ReviewStatus, request: ListRequest) -> ListPage[NamedReview]:
        rows = self.access.read()
        referrals = InMemoryReferrals(self.access)
        if status is ReviewStatus.OPEN:
            page = await referrals.newest(
                ReferralFilter(), ListRequest(MAX_POSITION, request.cursor)
            )
            held = [
                NamedReview(named, _doubts(rows, named.referral.referee_id), None)
                for named in page.items
                if named.referral.is_held
            ]
            return ListPage.of(
                held[: request.limit + 1], request, lambda r: r.named.referral.referee_id.int
            )
        found = [
            (number, NamedReview(await referrals.find(made.referral_id), doubts, made))
            for number, made in reversed([*enumerate(rows.decisions, 1)])
            if _is_review(made, status)
            and made.decision.reason == Reason.BY_HAND
            and number < (request.cursor or MAX_POSITION)
            for doubts in [_doubts(rows, made.referral_id)]
        ]
        page_of_numbers = ListPage.of(found[: request.limit + 1], request, lambda one: one[0])
        return ListPage(
            [review for _, review in page_of_numbers.items], page_of_numbers.next_cursor
        )


def _is_review(made: MadeDecision, outcome: str) -> bool:
    return made.decision.own_rule == REVIEW and made.decision.outcome == outcome


def _doubts(rows: Rows, referral_id: UserId) -> Sequence[Decision]:
    held = (m for m in rows.decisions if m.referral_id == referral_id and _is_review(m, "held"))
    return tuple(made.decision for made in held)


def _named(rows: Rows, referral: Referral) -> NamedReferral:
    def reference(user_id: UserId) -> str:
        known = rows.participants.get(user_id)
        return reference_to(user_id, known.external_id if known else None)

    code = rows.codes[referral.code_id]
    return NamedReferral(
        referral,
        code.program.slug,
        code.text,
        reference(referral.referrer_id),
        reference(referral.referee_id),
    )


def _referee(rows: Rows, referral: Referral) -> Referee:
    referee = rows.participants.get(referral.referee_id)
    email, username = (referee.email, referee.username) if referee else (None, None)
    return Referee(
        referral.referee_id,
        email and email.value,
        username and username.value,
        referral.created_at,
    )


@dataclass(frozen=True)
class InMemoryRefreshTokens:
    access: Access

    async def add(self, token: RefreshToken, sighting: Sighting | None = None) -> None:
        async with self.access.write() as rows:
            holder = rows.users.get(token.user_id)
            if holder is None or holder.credentials_version != token.credentials_version:
                raise WrongCredentials
            rows.refresh_tokens[token.digest] = token
            rows.see(token.user_id, sighting)

    async def by_digest(self, digest: Digest) -> RefreshToken:
        token = self.access.read().refresh_tokens.get(digest)
        if token is None:
            raise InvalidRefreshToken
        return token

    async def lock(self, digest: Digest) -> tuple[RefreshToken, User]:
        async with self.access.write() as rows:
            token = rows.refresh_tokens.get(digest)
            if token is None or token.user_id not in rows.users:
                raise InvalidRefreshToken
            return token, rows.user(token.user_id)

    async def save(self, token: RefreshToken) -> None:
        async with self.access.write() as rows:
            stored = rows.refresh_tokens[token.digest]
            rows.refresh_tokens[token.digest] = replace(stored, spent_at=token.spent_at)

    async def revoke_family(self, family_id: FamilyId) -> None:
        await self._forget(lambda token: token.family_id == family_id)

    async def revoke_all_of(self, user_id: UserId) -> None:
        await self._forget(lambda token: token.user_id == user_id)

    async def _forget(self, revoked: Callable[[RefreshToken], bool]) -> None:
        async with self.access.write() as rows:
            for token in [t for t in rows.refresh_tokens.values() if revoked(t)]:
                del rows.refresh_tokens[token.digest]


class FakeNetworks:
    """Networks are called by their own names, after a secret."""

    def __init__(self, *secrets: str) -> None:
        self.secrets = secrets

    def names_of(self, client_address: str | None) -> Sequence[NetworkName]:
        try:
            address = ip_interface(client_address or "").ip
        except ValueError:
            return ()
        network = ip_network((address, {4: 24, 6: 64}[address.version]), strict=False)
        return [NetworkName(f"{secret} {network}".encode()) for secret in self.secrets]


class FakeSealing:
    """Writes on what it seals, where the real one encrypts; what another one sealed it cannot open."""

    def __init__(self, secret: str = "secret") -> None:
        self._mark = f"sealed with {secret}:".encode()

    def seal(self, content: bytes) -> bytes:
        return self._mark + content

    def opened(self, sealed: bytes) -> bytes | None:
        return sealed.removeprefix(self._mark) if sealed.startswith(self._mark) else None


@dataclass
class _StoredCall:
    holder: UUID
    request: bytes
    expires_at: datetime
    answer: bytes | None = None

    def keep(self, answer: bytes) -> None:
        self.answer = answer


@dataclass
class InMemoryIdempotencyRecords:
    store: InMemoryStore
    _calls: dict[bytes, _StoredCall] = field(default_factory=dict)

    async def claim(self, call_id: bytes, request: bytes, now: datetime) -> Claim | CallRecord:
        known = self._calls.get(call_id)
        if known is not None and now < known.expires_at:
            return CallRecord(known.request, known.answer)
        holder = uuid4()
        self._calls[call_id] = _StoredCall(holder, request, now + timedelta(seconds=10))
        return Claim(call_id, holder)

    async def renew(self, claim: Claim, now: datetime) -> None:
        known = self._calls.get(claim.call_id)
        if known and known.holder == claim.holder and known.answer is None:
            known.expires_at = now + timedelta(seconds=10)

    @asynccontextmanager
    async def effects_of(self, claim: Claim, clock: Clock) -> AsyncIterator[NewRecord]:
        mine = _StoredCall(claim.holder, b"", clock.now())
        try:
            async with self.store.joint():
                yield mine
                known = self._calls.get(claim.call_id)
                if mine.answer is not None and (known is None or known.holder != claim.holder):
                    raise RequestInProgress
            if known and mine.answer is not None:
                known.answer, known.expires_at = mine.answer, clock.now() + timedelta(hours=24)
        finally:
            known = self._calls.get(claim.call_id)
            if known and known.holder == claim.holder and known.answer is None:
                del self._calls[claim.call_id]


@dataclass(frozen=True)
class InMemoryApiKeys:
    access: Access

    async def add(self, key: ApiKey) -> None:
        async with self.access.write() as rows:
            rows.api_keys[key.id] = key

    async def page_of(self, request: ListRequest) -> ListPage[ApiKey]:
        keys = sorted(self.access.read().api_keys.values(), key=lambda key: key.id, reverse=True)
        before = request.cursor
        found = [key for key in keys if before is None or key.id.int < before]
        return ListPage.of(found[: request.limit + 1], request, lambda key: key.id.int)

    async def revoke(self, key_id: KeyId, now: datetime) -> None:
        async with self.access.write() as rows:
            if rows.api_keys.pop(key_id, None) is None:
                raise KeyNotFound


@dataclass(frozen=True)
class InMemoryAdministrators:
    access: Access

    async def grant(self, email: EmailAddress, now: datetime) -> UserId:
        async with self.access.write() as rows:
            for user in rows.users.values():
                if user.email.key == email.key:
                    rows.administrators.setdefault(user.id, now)
                    return user.id
            raise UserNotFound

    async def revoke(self, email: EmailAddress) -> UserId:
        async with self.access.write() as rows:
            for user_id in rows.administrators:
                if rows.users[user_id].email.key == email.key:
                    del rows.administrators[user_id]
                    return user_id
            raise NotAnAdministrator

    async def all(self) -> Sequence[Administrator]:
        rows = self.access.read()
        return [
            Administrator(rows.users[user_id].public, granted_at)
            for user_id, granted_at in sorted(
                rows.administrators.items(), key=lambda held: (held[1], held[0])
            )
        ]


@dataclass(frozen=True)
class InMemoryEndpoints:
    access: Access

    async def add(self, endpoint: Endpoint) -> None:
        async with self.access.write() as rows:
            rows.endpoints[endpoint.id] = endpoint

    async def find(self, endpoint_id: EndpointId) -> Endpoint:
        return self._found(self.access.read(), endpoint_id)

    async def lock(self, endpoint_id: EndpointId) -> Endpoint:
        async with self.access.write() as rows:
            return self._found(rows, endpoint_id)

    @staticmethod
    def _found(rows: Rows, endpoint_id: EndpointId) -> Endpoint:
        if endpoint_id not in rows.endpoints:
            raise EndpointNotFound
        return rows.endpoints[endpoint_id]

    async def save(self, endpoint: Endpoint) -> None:
        async with self.access.write() as rows:
            if endpoint.id in rows.endpoints:
                rows.endpoints[endpoint.id] = endpoint

    async def end_pause(self, endpoint_id: EndpointId, now: datetime) -> None:
        async with self.access.write() as rows:
            endpoint = rows.endpoints.get(endpoint_id)
            if endpoint and endpoint.paused_until and endpoint.paused_until > now:
                rows.endpoints[endpoint_id] = replace(endpoint, paused_until=now)

    async def delete(self, endpoint_id: EndpointId, now: datetime) -> None:
        async with self.access.write() as rows:
            if rows.endpoints.pop(endpoint_id, None) is None:
                raise EndpointNotFound

    async def page_of(self, request: ListRequest) -> ListPage[Endpoint]:
        found = sorted(self.access.read().endpoints.values(), key=lambda e: e.id, reverse=True)
        before = request.cursor
        found = [e for e in found if before is None or e.id.int < before]
        return ListPage.of(found[: request.limit + 1], request, lambda e: e.id.int)


@dataclass
class FakeSender:
    """Keeps what is sent, where the real one calls somebody; answers as it is told by address, or 200."""

    sent: list[tuple[str, Mapping[str, str], str]] = field(default_factory=list)
    answers: dict[str, Callable[[], Awaitable[Answer]]] = field(default_factory=dict)
    is_prepared: bool = False

    async def prepare(self) -> None:
        self.is_prepared = True

    async def send(self, url: str, headers: Mapping[str, str], body: str) -> Answer:
        self.sent.append((url, headers, body))
        answer = self.answers.get(url)
        return await answer() if answer else Answer(200, "")


@dataclass(frozen=True)
class FakeListeners:
    """Asks the store at every call, where the real one keeps a list."""

    store: InMemoryStore

    def may_hear(self, *kinds: MessageType) -> bool:
        endpoints = self.store.read().endpoints.values()
        return any(endpoint.hears(kind) for endpoint in endpoints for kind in kinds)


def _message_id(rows: Rows, message: Message) -> MessageId:
    milliseconds = int(message.at.timestamp() * 1000)
    number = len({message_id for _, message_id in rows.deliveries})
    return MessageId(UUID(int=milliseconds << 80 | 0x7 << 76 | 0x2 << 62 | number))


@dataclass(frozen=True)
class InMemoryOutbox:
    access: Access

    async def add(self, *messages: Message) -> None:
        async with self.access.write() as rows:
            for message in messages:
                message_id = _message_id(rows, message)
                for endpoint in rows.endpoints.values():
                    if endpoint.hears(message.type):
                        rows.deliveries[endpoint.id, message_id] = Delivery(
                            endpoint_id=endpoint.id,
                            message_id=message_id,
                            type=message.type,
                            body=message.body,
                            created_at=message.at,
                            next_attempt_at=AT_ONCE,
                        )


AT_ONCE = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True)
class InMemoryDeliveries:
    access: Access
    _lanes: dict[EndpointId, tuple[UUID | None, datetime]] = field(default_factory=dict)

    async def take(self, now: datetime, until: datetime, most: int) -> Sequence[Lane]:
        free = [
            endpoint
            for endpoint in self.access.read().endpoints.values()
            if self._is_free(endpoint, now) and await self.due(endpoint, now, 1)
        ]
        lanes = [Lane(endpoint, uuid4()) for endpoint in free[:most]]
        self._lanes.update({lane.endpoint.id: (lane.holder, until) for lane in lanes})
        return lanes

    def _is_free(self, endpoint: Endpoint, moment: datetime) -> bool:
        _, lane_until = self._lanes.get(endpoint.id, (None, moment))
        return max(lane_until, endpoint.paused_until or moment) <= moment

    async def due(self, endpoint: Endpoint, now: datetime, most: int) -> Sequence[Delivery]:
        rows = self.access.read()
        stored = rows.endpoints.get(endpoint.id)
        if stored is None or stored.disabled_at is not None or stored.url != endpoint.url:
            return []
        due = [
            delivery
            for delivery in rows.deliveries.values()
            if delivery.endpoint_id == endpoint.id
            and delivery.next_attempt_at is not None
            and delivery.next_attempt_at <= now
        ]
        return sorted(due, key=lambda delivery: delivery.next_attempt_at or now)[:most]

    async def record(self, tried: Sequence[Delivery]) -> None:
        async with self.access.write() as rows:
            for delivery in tried:
                key = delivery.endpoint_id, delivery.message_id
                if rows.deliveries[key].status is DeliveryStatus.PENDING:
                    rows.deliveries[key] = delivery

    async def end(self, lane: Lane, now: datetime) -> None:
        if self._lanes.get(lane.endpoint.id, (None,))[0] == lane.holder:
            self._lanes[lane.endpoint.id] = None, now

    async def add(self, endpoint_id: EndpointId, message: Message) -> Delivery:
        async with self.access.write() as rows:
            added = Delivery(
                endpoint_id=endpoint_id,
                message_id=_message_id(rows, message),
                type=message.type,
                body=message.body,
                created_at=message.at,
                next_attempt_at=AT_ONCE,
            )
            rows.deliveries[endpoint_id, added.message_id] = added
            return added

    async def replay(self, endpoint_id: EndpointId, message_id: MessageId) -> Delivery:
        async with self.access.write() as rows:
            if (endpoint_id, message_id) not in rows.deliveries:
                raise MessageNotFound
            again = replace(
                rows.deliveries[endpoint_id, message_id],
                status=DeliveryStatus.PENDING,
                attempts=0,
                next_attempt_at=AT_ONCE,
                expires_at=None,
            )
            rows.deliveries[endpoint_id, message_id] = again
            return again

    async def replay_some(self, endpoint_id: EndpointId, wanted: Replay) -> Sequence[MessageId]:
        over = {DeliveryStatus.FAILED} | (
            set() if wanted.only_failed else {DeliveryStatus.DELIVERED}
        )
        found = sorted(
            delivery.message_id
            for delivery in self.access.read().deliveries.values()
            if delivery.endpoint_id == endpoint_id
            and delivery.status in over
            and wanted.since <= delivery.created_at < wanted.until
            and (wanted.after is None or delivery.message_id > wanted.after)
        )[: wanted.most]
        for message_id in found:
            await self.replay(endpoint_id, message_id)
        return found

    async def waiting(
        self, endpoint_id: EndpointId, since: datetime, until: datetime, most: int
    ) -> int:
        pending = [
            delivery
            for delivery in self.access.read().deliveries.values()
            if delivery.endpoint_id == endpoint_id
            and delivery.status is DeliveryStatus.PENDING
            and since <= delivery.created_at < until
        ]
        return min(len(pending), most)

    async def backlog(self, now: datetime, before: datetime, most: int) -> Backlog:
        rows = self.access.read()
        waiting = [
            delivery
            for delivery in rows.deliveries.values()
            if delivery.status is DeliveryStatus.PENDING
            and (endpoint := rows.endpoints.get(delivery.endpoint_id))
            and endpoint.disabled_at is None
        ]
        firsts = [
            first
            for endpoint_id in {delivery.endpoint_id for delivery in waiting}
            for first in await self.due(rows.endpoints[endpoint_id], now, 1)
        ]
        since = [
            first.next_attempt_at if first.attempts else first.created_at
            for first in firsts
            if first.attempts or first.last_attempt_at is None
        ]
        is_left = any(
            max(first.next_attempt_at or now, first.created_at) <= before
            and self._is_free(rows.endpoints[first.endpoint_id], before)
            for first in firsts
        )
        return Backlog(min(len(waiting), most), min(filter(None, since), default=None), is_left)

    async def page_of(
        self, endpoint_id: EndpointId, request: ListRequest, status: DeliveryStatus | None = None
    ) -> ListPage[Delivery]:
        mine = [
            d
            for d in self.access.read().deliveries.values()
            if d.endpoint_id == endpoint_id and status in (None, d.status)
        ]
        mine.sort(key=lambda delivery: delivery.message_id, reverse=True)
        before = request.cursor
        found = [d for d in mine if before is None or d.message_id.int < before]
        return ListPage.of(found[: request.limit + 1], request, lambda d: d.message_id.int)


@dataclass(frozen=True)
class FakeStanding:
    """Asks the store at every call, where the real one keeps a list."""

    store: InMemoryStore

    async def scopes_of(self, claims: AccessClaims) -> frozenset[Scope]:
        user = self.store.read().users.get(claims.user_id)
        if user is None or claims.credentials_version < user.credentials_version:
            raise InvalidAccessToken
        is_administrator = user.id in self.store.read().administrators
        return OPERATOR.scopes if is_administrator else frozenset()


@dataclass(frozen=True)
class FakeKeyRing:
    """Asks the store at every call, where the real one keeps a list, and notes uses at once."""

    store: InMemoryStore

    async def find(self, digest: Digest) -> ApiKey:
        for key in self.store.read().api_keys.values():
            if key.digest == digest:
                return key
        raise InvalidAccessToken("This API key is unknown or was revoked.")

    def note_use(self, key: ApiKey, now: datetime) -> None:
        minute = now.replace(second=0, microsecond=0)
        self.store.read().api_keys[key.id] = replace(key, last_used_at=minute)

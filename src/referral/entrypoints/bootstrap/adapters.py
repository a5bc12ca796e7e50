"""Which adapter serves which port."""

from collections.abc import Iterator

from dishka import (
    AnyOf,
    Provider,
    Scope,
    from_context,
    provide,
)

from referral.adapters.audit_log import StructlogAuditLog
from referral.adapters.credentials.bcrypt_passwords import BcryptPasswords
from referral.adapters.credentials.common_passwords import ListedCommonPasswords
from referral.adapters.credentials.fernet_sealing import FernetSealing
from referral.adapters.credentials.jwt_tokens import JwtAccessTokens
from referral.adapters.credentials.network_names import HashedNetworks
from referral.adapters.disposable_addresses import ListedDisposableAddresses
from referral.adapters.email_addresses import ValidatedEmailAddresses
from referral.adapters.no_rate_limits import NoRateLimits
from referral.adapters.postgres.access.administrators import PostgresAdministrators
from referral.adapters.postgres.access.api_keys import PostgresApiKeys
from referral.adapters.postgres.access.idempotency_records import PostgresIdempotencyRecords
from referral.adapters.postgres.access.key_ring import PostgresKeyRing
from referral.adapters.postgres.access.rate_limiter import PostgresRateLimiter
from referral.adapters.postgres.access.refresh_tokens import PostgresRefreshTokens
from referral.adapters.postgres.access.standing import PostgresStanding
from referral.adapters.postgres.accounts.participants import PostgresParticipants
from referral.adapters.postgres.accounts.users import PostgresUsers
from referral.adapters.postgres.core.clock import PostgresClock
from referral.adapters.postgres.core.database import Database, Queries
from referral.adapters.postgres.core.joint import JoiningQueries
from referral.adapters.postgres.housekeeping import PostgresHousekeeping
from referral.adapters.postgres.programs.programs import PostgresPrograms
from referral.adapters.postgres.programs.referral_codes import PostgresReferralCodes
from referral.adapters.postgres.programs.referrals import PostgresReferrals
from referral.adapters.postgres.rewards.books import PostgresBooks
from referral.adapters.postgres.rewards.decisions import PostgresDecisions
from referral.adapters.postgres.rewards.events import PostgresEvents
from referral.adapters.postgres.rewards.payouts import PostgresPayouts
from referral.adapters.postgres.rewards.reviews import PostgresReviews
from referral.adapters.postgres.rewards.rewards import PostgresRewards
from referral.adapters.postgres.unit_of_work import PostgresUnitOfWork
from referral.adapters.postgres.webhooks.deliveries import PostgresDeliveries
from referral.adapters.postgres.webhooks.endpoints import PostgresEndpoints
from referral.adapters.postgres.webhooks.outbox import PostgresListeners
from referral.adapters.system import SystemRandomness
from referral.adapters.webhook_sender import AiohttpSender
from referral.application.access.ports import (
    AccessTokens,
    Administrators,
    ApiKeys,
    IdempotencyRecords,
    KeyRing,
    RateLimiter,
    RefreshTokens,
    Sealing,
    Standing,
)
from referral.application.accounts.ports import (
    CommonPasswords,
    DisposableAddresses,
    EmailAddresses,
    Networks,
    Participants,
    PasswordHasher,
    Users,
)
from referral.application.ports import AuditLog, Clock, Randomness
from referral.application.programs.ports import Programs as ProgramStore
from referral.application.programs.ports import ReferralCodes, Referrals
from referral.application.rewards.books import Books
from referral.application.rewards.ports import Decisions, Events, Payouts
from referral.application.rewards.ports import Rewards as RewardStore
from referral.application.rewards.reviews import Reviews
from referral.application.transaction import UnitOfWork
from referral.application.webhooks.ports import Deliveries, Endpoints, Listeners, WebhookSender
from referral.entrypoints.bootstrap.settings import Settings


class Adapters(Provider):
    """Which adapter serves which port."""

    scope = Scope.APP
    settings = from_context(Settings)

    clock = provide(PostgresClock, provides=AnyOf[PostgresClock, Clock])
    audit_log = provide(StructlogAuditLog, provides=AuditLog)
    randomness = provide(SystemRandomness, provides=Randomness)
    email_addresses = provide(ValidatedEmailAddresses, provides=EmailAddresses)
    common_passwords = provide(ListedCommonPasswords, provides=CommonPasswords)
    disposable_addresses = provide(ListedDisposableAddresses, provides=DisposableAddresses)
    users = provide(PostgresUsers, provides=Users)
    participants = provide(PostgresParticipants, provides=Participants)
    programs = provide(PostgresPrograms, provides=ProgramStore)
    codes = provide(PostgresReferralCodes, provides=ReferralCodes)
    referrals = provide(PostgresReferrals, provides=Referrals)
    refresh_tokens = provide(PostgresRefreshTokens, provides=RefreshTokens)
    api_keys = provide(PostgresApiKeys, provides=ApiKeys)
    administrators = provide(PostgresAdministrators, provides=Administrators)
    events = provide(PostgresEvents, provides=Events)
    rewards = provide(PostgresRewards, provides=RewardStore)
    decisions = provide(PostgresDecisions, provides=Decisions)
    reviews = provide(PostgresReviews, provides=Reviews)
    payouts = provide(PostgresPayouts, provides=Payouts)
    books = provide(PostgresBooks, provides=Books)
    endpoints = provide(PostgresEndpoints, provides=Endpoints)
    deliveries = provide(PostgresDeliveries, provides=Deliveries)
    unit_of_work = provide(PostgresUnitOfWork, provides=UnitOfWork)
    idempotency_records = provide(PostgresIdempotencyRecords, provides=IdempotencyRecords)
    housekeeping = provide(PostgresHousekeeping)

    queries = provide(JoiningQueries, provides=Queries)

    @provide
    def database(self, settings: Settings) -> Database:
        return Database(
            settings.database_url,
            pool_size=settings.pool_size,
            statement_cache_size=1024 if settings.statement_cache == "on" else 0,
        )

    @provide
    def password_hasher(self, settings: Settings) -> Iterator[PasswordHasher]:
        hasher = BcryptPasswords(settings.bcrypt_cost)
        yield hasher
        hasher.close()

    @provide
    def access_tokens(self, settings: Settings) -> AccessTokens:
        return JwtAccessTokens(settings.secrets, settings.access_token_ttl)

    @provide
    def networks(self, settings: Settings) -> Networks:
        return HashedNetworks(settings.secrets)

    @provide
    def sealing(self, settings: Settings) -> Sealing:
        return FernetSealing(settings.secrets)

    @provide
    def standing(
        self, queries: Queries, clock: Clock, settings: Settings
    ) -> AnyOf[PostgresStanding, Standing]:
        return PostgresStanding(queries, clock, settings.access_token_ttl)

    @provide
    def key_ring(self, queries: Queries, clock: Clock) -> AnyOf[PostgresKeyRing, KeyRing]:
        return PostgresKeyRing(queries, clock)

    @provide
    def webhook_sender(
        self, clock: Clock, settings: Settings
    ) -> AnyOf[AiohttpSender, WebhookSender]:
        return AiohttpSender(clock, private_networks=settings.webhook_private_networks == "on")

    @provide
    def listeners(self, queries: Queries) -> AnyOf[PostgresListeners, Listeners]:
        return PostgresListeners(queries)

    @provide
    def rate_limiter(self, database: Database, clock: Clock, settings: Settings) -> RateLimiter:
        # What is counted counts whatever becomes of the call.
        return (
            PostgresRateLimiter(database, clock) if settings.rate_limits == "on" else NoRateLimits()
        )

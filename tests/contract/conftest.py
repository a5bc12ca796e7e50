"""Each port's implementations: the fake and the real one."""

from dataclasses import dataclass

import pytest

from examples import a_user
from fakes import InMemoryStore
from referral.adapters.postgres.access.administrators import PostgresAdministrators
from referral.adapters.postgres.access.api_keys import PostgresApiKeys
from referral.adapters.postgres.access.idempotency_records import PostgresIdempotencyRecords
from referral.adapters.postgres.access.refresh_tokens import PostgresRefreshTokens
from referral.adapters.postgres.accounts.participants import PostgresParticipants
from referral.adapters.postgres.accounts.users import PostgresUsers
from referral.adapters.postgres.core.database import Database
from referral.adapters.postgres.core.joint import JoiningQueries
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


@dataclass
class PostgresStore:
    """The stores of one database, in the shape of the fake's."""

    database: Database

    def __post_init__(self):
        queries = JoiningQueries(self.database)
        self.users = PostgresUsers(queries)
        self.participants = PostgresParticipants(queries)
        self.programs = PostgresPrograms(queries)
        self.codes = PostgresReferralCodes(queries)
        self.referrals = PostgresReferrals(queries)
        self.events = PostgresEvents(queries)
        self.rewards = PostgresRewards(queries)
        self.decisions = PostgresDecisions(queries)
        self.reviews = PostgresReviews(queries)
        self.payouts = PostgresPayouts(queries)
        self.books = PostgresBooks(self.database)
        self.refresh_tokens = PostgresRefreshTokens(queries)
        self.api_keys = PostgresApiKeys(queries)
        self.administrators = PostgresAdministrators(queries)
        self.endpoints = PostgresEndpoints(queries)
        self.deliveries = PostgresDeliveries(queries, SystemRandomness())
        self.listeners = PostgresListeners(queries)
        unit_of_work = PostgresUnitOfWork(self.database, self.listeners, SystemRandomness())
        self.begin, self.apart = unit_of_work.begin, unit_of_work.apart
        self.idempotency_records = PostgresIdempotencyRecords(self.database)


@pytest.fixture(params=["fake", "postgres"])
def store(request):
    if request.param == "fake":
        return InMemoryStore()
    return PostgresStore(request.getfixturevalue("database"))


@pytest.fixture
def users(store):
    return store.users


@pytest.fixture
def participants(store):
    return store.participants


@pytest.fixture
def programs(store):
    return store.programs


@pytest.fixture
def codes(store):
    return store.codes


@pytest.fixture
def referrals(store):
    return store.referrals


@pytest.fixture
def events(store):
    return store.events


@pytest.fixture
def rewards(store):
    return store.rewards


@pytest.fixture
def decisions(store):
    return store.decisions


@pytest.fixture
def reviews(store):
    return store.reviews


@pytest.fixture
def payouts(store):
    return store.payouts


@pytest.fixture
def refresh_tokens(store):
    return store.refresh_tokens


@pytest.fixture
def api_keys(store):
    return store.api_keys


@pytest.fixture
def endpoints(store):
    return store.endpoints


@pytest.fixture
def deliveries(store):
    return store.deliveries


@pytest.fixture
def administrators(store):
    return store.administrators


@pytest.fixture
async def ann(users):
    ann = a_user("ann")
    await users.add(ann)
    return ann


@pytest.fixture
async def bob(users):
    bob = a_user("bob", number=2)
    await users.add(bob)
    return bob

"""The use cases on fakes, put together as the service does it; each is a fixture of its own name."""

import json
from contextlib import closing
from dataclasses import fields

import msgspec
import pytest
from dishka import Provider, Scope, make_container

from examples import PASSWORD
from fakes import (
    FakeAccessTokens,
    FakeAuditLog,
    FakeClock,
    FakeCommonPasswords,
    FakeDisposableAddresses,
    FakeEmailAddresses,
    FakeKeyRing,
    FakeNetworks,
    FakePasswordHasher,
    FakeRandomness,
    FakeRateLimiter,
    FakeSealing,
    FakeSender,
    FakeStanding,
    InMemoryStore,
)
from referral.application.access.once import Once
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
from referral.application.pages import ListRequest
from referral.application.ports import AuditLog, Clock, Randomness
from referral.application.programs.ports import Programs, ReferralCodes, Referrals
from referral.application.rewards.books import Books
from referral.application.rewards.ports import Decisions, Events, Payouts, Rewards
from referral.application.rewards.reviews import Reviews
from referral.application.transaction import UnitOfWork
from referral.application.use_cases import UseCases
from referral.application.webhooks.ports import Deliveries, Endpoints, Listeners, WebhookSender
from referral.domain.webhooks.message import MessageType
from referral.entrypoints.bootstrap.application import Application
from referral.entrypoints.bootstrap.settings import Settings
from referral.entrypoints.http.api.messages import MESSAGES


@pytest.fixture
def store() -> InMemoryStore:
    return InMemoryStore()


@pytest.fixture
def randomness() -> FakeRandomness:
    return FakeRandomness()


@pytest.fixture
def password_hasher() -> FakePasswordHasher:
    return FakePasswordHasher()


@pytest.fixture
def access_tokens() -> FakeAccessTokens:
    return FakeAccessTokens()


@pytest.fixture
def rate_limiter(clock: FakeClock) -> FakeRateLimiter:
    return FakeRateLimiter(clock)


@pytest.fixture
def audit_log() -> FakeAuditLog:
    return FakeAuditLog()


@pytest.fixture
def sealing() -> FakeSealing:
    return FakeSealing()


@pytest.fixture
def sender() -> FakeSender:
    return FakeSender()


@pytest.fixture
def container(
    *,
    store,
    clock,
    randomness,
    password_hasher,
    access_tokens,
    rate_limiter,
    audit_log,
    sealing,
    sender,
):
    """The service's own graph, with a fake behind every port."""
    fakes = {
        Settings: Settings(),
        UnitOfWork: store,
        Users: store.users,
        Participants: store.participants,
        Programs: store.programs,
        ReferralCodes: store.codes,
        Referrals: store.referrals,
        Events: store.events,
        Rewards: store.rewards,
        Decisions: store.decisions,
        Reviews: store.reviews,
        Payouts: store.payouts,
        Books: store.books,
        RefreshTokens: store.refresh_tokens,
        IdempotencyRecords: store.idempotency_records,
        ApiKeys: store.api_keys,
        Administrators: store.administrators,
        Endpoints: store.endpoints,
        Deliveries: store.deliveries,
        Listeners: store.listeners,
        WebhookSender: sender,
        Standing: FakeStanding(store),
        KeyRing: FakeKeyRing(store),
        EmailAddresses: FakeEmailAddresses(),
        CommonPasswords: FakeCommonPasswords(),
        DisposableAddresses: FakeDisposableAddresses(),
        Clock: clock,
        Randomness: randomness,
        PasswordHasher: password_hasher,
        AccessTokens: access_tokens,
        RateLimiter: rate_limiter,
        AuditLog: audit_log,
        Sealing: sealing,
        Networks: FakeNetworks("secret"),
    }
    given = Provider(scope=Scope.APP)
    for port in fakes:
        given.from_context(port)
    with closing(make_container(given, Application(), context=fakes)) as container:
        yield container


@pytest.fixture
def use_cases(container):
    return container.get(UseCases)


@pytest.fixture
def once(container):
    return container.get(Once)


def use_case_called(name, group):
    @pytest.fixture(name=name)
    def use_case(use_cases):
        return getattr(getattr(use_cases, group), name)

    return use_case


globals().update(
    {
        use.name: use_case_called(use.name, group.name)
        for group in fields(UseCases)
        for use in fields(group.type)
    }
)


@pytest.fixture
def sign_up(register_user):
    """Open an account of this name; the address and the password follow from it."""

    async def sign_up(name, **more):
        return await register_user(
            username=name, email=f"{name}@example.org", password=PASSWORD, **more
        )

    return sign_up


@pytest.fixture
async def owner(sign_up):
    return await sign_up("owner")


@pytest.fixture
def told(store, create_endpoint):
    """What an endpoint was told since, oldest first: the types, or all of it."""

    async def told(*, whole=False):
        [endpoint] = store.read().endpoints
        page = await store.deliveries.page_of(endpoint, ListRequest(limit=100))
        bodies = [json.loads(delivery.body) for delivery in reversed(page.items)]
        for body in bodies:  # all of it is as the API's description says
            data = MESSAGES[MessageType(body["type"])].data
            assert body["data"].keys() == {field.name for field in msgspec.structs.fields(data)}
            msgspec.convert(body["data"], data)
        return bodies if whole else [body["type"] for body in bodies]

    return told

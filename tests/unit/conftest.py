"""The use cases on fakes, put together as the service does it; each is a fixture of its own name."""

from contextlib import closing
from dataclasses import fields

import pytest
from dishka import Provider, Scope, make_container

from examples import PASSWORD
from fakes import (
    FakeAccessTokens,
    FakeAuditLog,
    FakeClock,
    FakeCommonPasswords,
    FakeEmailAddresses,
    FakePasswordHasher,
    FakeRandomness,
    FakeRateLimiter,
    FakeRevocations,
    FakeSealing,
    InMemoryStore,
)
from referral.application import ports
from referral.application.once import Once
from referral.application.use_cases import UseCases
from referral.entrypoints.container import Application
from referral.entrypoints.settings import Settings


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
def container(
    *, store, clock, randomness, password_hasher, access_tokens, rate_limiter, audit_log, sealing
):
    """The service's own graph, with a fake behind every port."""
    fakes = {
        Settings: Settings(),
        ports.UnitOfWork: store,
        ports.Users: store.users,
        ports.ReferralCodes: store.codes,
        ports.Referrals: store.referrals,
        ports.RefreshTokens: store.refresh_tokens,
        ports.IdempotencyRecords: store.idempotency_records,
        ports.Revocations: FakeRevocations(store),
        ports.EmailAddresses: FakeEmailAddresses(),
        ports.CommonPasswords: FakeCommonPasswords(),
        ports.Clock: clock,
        ports.Randomness: randomness,
        ports.PasswordHasher: password_hasher,
        ports.AccessTokens: access_tokens,
        ports.RateLimiter: rate_limiter,
        ports.AuditLog: audit_log,
        ports.Sealing: sealing,
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


def use_case_called(name):
    @pytest.fixture(name=name)
    def use_case(use_cases):
        return getattr(use_cases, name)

    return use_case


globals().update({field.name: use_case_called(field.name) for field in fields(UseCases)})


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

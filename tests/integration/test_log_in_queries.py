"""What a log-in asks of the database."""

from dataclasses import dataclass, field, replace

import pytest

from examples import PASSWORD, a_user
from referral.adapters.postgres.access.rate_limiter import PostgresRateLimiter
from referral.adapters.postgres.access.refresh_tokens import PostgresRefreshTokens
from referral.adapters.postgres.accounts.users import PostgresUsers
from referral.adapters.postgres.core.database import Database
from referral.application.access.guess_limits import GuessLimits
from referral.application.use_cases import UseCases
from referral.domain.access.errors import TooManyAttempts, WrongCredentials
from referral.entrypoints.bootstrap.container import assembled
from referral.entrypoints.bootstrap.settings import Settings


@dataclass
class WatchedQueries:
    """Runs statements, and keeps a list of them."""

    database: Database
    seen: list[str] = field(default_factory=list)

    async def all(self, statement, **values):
        self.seen.append(statement.sql)
        return await self.database.all(statement, **values)

    async def one(self, statement, **values):
        self.seen.append(statement.sql)
        return await self.database.one(statement, **values)

    async def execute(self, statement, **values):
        self.seen.append(statement.sql)
        await self.database.execute(statement, **values)


@pytest.fixture
def queries(database):
    return WatchedQueries(database)


@pytest.fixture
async def log_in(empty_database_url, queries, clock):
    settings = Settings(
        database_url=empty_database_url,
        secret="0123456789abcdef0123456789abcdef",
        bcrypt_cost=4,
    )
    container = assembled(settings)
    log_in = container.get(UseCases).access.log_in
    log_in = replace(
        log_in,
        users=PostgresUsers(queries),
        refresh_tokens=PostgresRefreshTokens(queries),
        guess_limits=GuessLimits(PostgresRateLimiter(queries, clock)),
        token_pairs=replace(log_in.token_pairs, clock=clock),
        clock=clock,
    )
    password_hash = await log_in.password_hasher.hash(PASSWORD)
    await log_in.users.add(replace(a_user("ann"), password_hash=password_hash))
    yield log_in
    container.close()


async def asked_by(log_in, queries, username, password, expected=None):
    """The statements of one log-in."""
    queries.seen.clear()
    attempt = log_in(username=username, password=password, client_address="192.0.2.1")
    if expected is None:
        await attempt
    else:
        with pytest.raises(expected):
            await attempt
    return tuple(queries.seen)


@pytest.mark.parametrize("domain", ["", "@example.org"])
async def test_a10_an_unknown_user_and_a_wrong_password_ask_the_same(log_in, queries, domain):
    names = ("ann", "nobody", "someone.else")

    asked = {
        await asked_by(log_in, queries, name + domain, "a guess", WrongCredentials)
        for name in names
    }

    assert len(asked) == 1


async def test_a10_a_name_nobody_can_have_asks_the_same_as_an_unknown_one(log_in, queries):
    asked = {
        await asked_by(log_in, queries, name, "a guess", WrongCredentials)
        for name in ("nobody", "", "no name", "no@name", "nul\0", "\ud800", "x" * 60_000)
    }

    assert len(asked) == 1


async def test_a_right_password_makes_five_statements_once_its_address_is_known(log_in, queries):
    first = await asked_by(log_in, queries, "ann", PASSWORD)
    second = await asked_by(log_in, queries, "ann", PASSWORD)

    assert (len(first), len(second)) == (6, 5)


async def test_e05_a_refused_log_in_makes_two_statements_and_then_none(log_in, queries):
    for _ in range(5):
        await asked_by(log_in, queries, "nobody", "a guess", WrongCredentials)

    first = await asked_by(log_in, queries, "nobody", "a guess", TooManyAttempts)
    second = await asked_by(log_in, queries, "nobody", "a guess", TooManyAttempts)

    assert (len(first), len(second)) == (2, 0)

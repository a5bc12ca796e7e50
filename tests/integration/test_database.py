"""What `Database` promises of its connections, beside what the faults show."""

import asyncio
from contextlib import suppress

import pytest
from sqlalchemy import func, select

from at_once import has_to_wait
from referral.adapters.postgres import database as database_module
from referral.adapters.postgres.database import Database
from referral.adapters.postgres.statement import Statement
from referral.domain.errors import DatabaseUnavailable

WHICH_CONNECTION = Statement(select(func.pg_backend_pid().label("which")))
SLEEP = Statement(select(func.pg_sleep(30)))


@pytest.fixture
async def database(databases):
    with databases.blank() as url:
        async with Database(url, pool_size=2) as database:
            yield database


async def which(queries) -> int:
    return (await queries.one(WHICH_CONNECTION))["which"]


async def test_the_connection_used_last_is_used_again(database):
    first = await which(database)

    assert await which(database) == first


async def test_a_connection_is_ones_own_until_it_is_given_back(database):
    async with database.connection() as mine:
        assert await which(database) != await which(mine)


async def test_there_are_never_more_connections_than_the_pool_is_wide(database):
    used = await asyncio.gather(*(which(database) for _ in range(20)))

    assert len(set(used)) <= 2


async def test_who_gets_no_connection_in_time_is_refused(database):
    async with database.connection(), database.connection():
        with pytest.raises(DatabaseUnavailable):
            await which(database)

    assert await which(database)


async def test_a_connection_that_was_interrupted_is_thrown_away(database):
    before = await which(database)
    asleep = asyncio.create_task(database.one(SLEEP))
    assert await has_to_wait(asleep)

    asleep.cancel()
    await asyncio.wait([asleep])

    assert await which(database) != before


async def test_a_connection_that_nobody_used_for_long_is_thrown_away(database, monkeypatch):
    before = await which(database)
    monkeypatch.setattr(database_module, "IDLE_SECONDS", 0)

    assert await which(database) != before


async def test_an_error_of_ones_own_gives_the_connection_back_unharmed(database):
    with suppress(LookupError):
        async with database.connection() as connection:
            before = await which(connection)
            raise LookupError

    assert await which(database) == before

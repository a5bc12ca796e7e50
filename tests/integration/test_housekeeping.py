"""What a serving process does on the side goes on, whatever happens to it."""

import asyncio
from contextlib import suppress
from datetime import timedelta

import pytest

from referral.adapters.postgres.access.key_ring import PostgresKeyRing
from referral.adapters.postgres.access.standing import PostgresStanding
from referral.adapters.postgres.core.clock import PostgresClock
from referral.adapters.postgres.housekeeping import PostgresHousekeeping
from referral.domain.errors import DatabaseUnavailable, OutcomeUnknown


@pytest.mark.parametrize("error", [DatabaseUnavailable, OutcomeUnknown, ValueError])
async def test_a_chore_that_fails_is_done_again(error):
    done = asyncio.Event()
    failures = [error()]

    async def chore():
        if failures:
            raise failures.pop()
        done.set()

    work = asyncio.create_task(PostgresHousekeeping._every(0, chore))
    try:
        async with asyncio.timeout(5):
            await done.wait()
    finally:
        work.cancel()
        with suppress(asyncio.CancelledError):
            await work


async def test_f11_it_is_not_ready_before_the_time_is_known(database):
    clock = PostgresClock(database)
    standing = PostgresStanding(database, clock, timedelta(minutes=15))
    housekeeping = PostgresHousekeeping(database, clock, standing, PostgresKeyRing(database, clock))

    with pytest.raises(DatabaseUnavailable):
        await housekeeping.ensure_ready()

    await clock.look()
    await housekeeping.ensure_ready()

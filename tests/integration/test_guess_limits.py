"""Limits on guessing, on a database."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from concurrency import outcomes_of
from referral.adapters.postgres.access.rate_limiter import PostgresRateLimiter
from referral.application.access.guess_limits import GuessLimits
from referral.domain.access.errors import TooManyAttempts, WrongCredentials

HOME = "192.0.2.1"


@pytest.fixture
def guess_limits(database, clock):
    return GuessLimits(PostgresRateLimiter(database, clock))


async def guess(guess_limits, account="ann", *, wrong=True):
    async with guess_limits.attempt(account, HOME):
        if wrong:
            raise WrongCredentials


async def buckets(database):
    async with database.connection() as connection:
        return await connection.connection.fetchval("SELECT count(*) FROM rate_limits")


async def test_a_refused_address_leaves_no_trace_of_300_names_it_made_up(guess_limits, database):
    for n in range(10):
        with pytest.raises(WrongCredentials):
            await guess(guess_limits, f"name{n}")
    before = await buckets(database)

    outcomes = await outcomes_of(guess(guess_limits, f"made-up{n}") for n in range(300))

    assert outcomes == {"TooManyAttempts": 300}
    assert await buckets(database) == before


async def test_a13_of_100_wrong_guesses_at_once_five_at_most_are_looked_at(guess_limits):
    outcomes = await outcomes_of(guess(guess_limits) for _ in range(100))

    assert 1 <= outcomes["WrongCredentials"] <= 5
    assert outcomes["WrongCredentials"] + outcomes["TooManyAttempts"] == 100


async def test_attempts_whose_process_died_lock_nobody_who_keeps_trying(guess_limits, clock):
    died = AsyncExitStack()  # here it is only late to finish
    for _ in range(5):
        await died.enter_async_context(guess_limits.attempt("ann", HOME))

    for _ in range(10):
        with pytest.raises(TooManyAttempts) as refused:
            await guess(guess_limits, wrong=False)
        assert refused.value.retry_after == 1
        clock.advance(seconds=1)

    await guess(guess_limits, wrong=False)
    await died.aclose()


async def test_attempts_that_were_cancelled_while_a_password_was_checked_hold_no_place(
    guess_limits,
):
    for _ in range(20):
        with pytest.raises(asyncio.CancelledError):
            async with guess_limits.attempt("ann", HOME):
                raise asyncio.CancelledError


async def test_attempts_that_were_cancelled_at_any_moment_lock_nobody(
    guess_limits, database, clock
):
    for ticks in range(60):
        await buckets(
            database
        )  # so that there is a connection, which the attempt before may have lost
        one = asyncio.create_task(guess(guess_limits, wrong=False))
        for _ in range(ticks):
            await asyncio.sleep(0)
        one.cancel()
        await asyncio.gather(one, return_exceptions=True)

    clock.advance(seconds=10)
    await guess(guess_limits, wrong=False)


async def test_right_log_ins_that_failed_because_the_database_was_busy_lock_nobody(
    guess_limits, database, clock
):
    attempts = [guess_limits.attempt("ann", HOME) for _ in range(5)]
    for attempt in attempts:
        await attempt.__aenter__()
    async with database.connection() as connection, connection.connection.transaction():
        await connection.connection.execute("SELECT FROM rate_limits FOR UPDATE")
        outcomes = await outcomes_of(attempt.__aexit__(None, None, None) for attempt in attempts)
    assert outcomes == {"DatabaseUnavailable": 5}

    clock.advance(seconds=10)

    for _ in range(20):
        await guess(guess_limits, wrong=False)

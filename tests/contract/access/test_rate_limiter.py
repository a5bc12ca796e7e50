import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from concurrency import outcomes_of
from databases import execute
from fakes import FakeRateLimiter
from referral.adapters.no_rate_limits import NoRateLimits
from referral.adapters.postgres.access import rate_limiter as rate_limiter_module
from referral.adapters.postgres.access.key_ring import PostgresKeyRing
from referral.adapters.postgres.access.rate_limiter import PostgresRateLimiter
from referral.adapters.postgres.access.standing import PostgresStanding
from referral.adapters.postgres.housekeeping import SWEPT_AT_A_TIME, PostgresHousekeeping
from referral.adapters.postgres.webhooks.outbox import PostgresListeners
from referral.application.access.limit import Limit, Use
from referral.application.access.ports import IN_PROGRESS
from referral.domain.access.errors import TooManyAttempts

LIMIT = Limit(hits=3, window=timedelta(minutes=1))


@pytest.fixture(params=["fake", "postgres"])
def rate_limiter(request, clock):
    if request.param == "fake":
        return FakeRateLimiter(clock)
    return PostgresRateLimiter(request.getfixturevalue("database"), clock)


async def hit(rate_limiter, times, *buckets):
    for _ in range(times):
        await rate_limiter.hit(dict.fromkeys(buckets or ["ann"], LIMIT))


async def start(rate_limiter, times, *buckets):
    for _ in range(times):
        await rate_limiter.start(dict.fromkeys(buckets or ["ann"], LIMIT))


async def use_of(rate_limiter, bucket="ann"):
    use = (await rate_limiter.look(bucket))[bucket]
    return use.hits, use.in_progress


async def test_as_many_as_the_limit_are_let_through(rate_limiter):
    await hit(rate_limiter, 3)

    with pytest.raises(TooManyAttempts):
        await hit(rate_limiter, 1)


async def test_a_caller_who_is_refused_is_told_when_to_come_back(rate_limiter, clock):
    await hit(rate_limiter, 3)
    clock.advance(seconds=20.5)

    with pytest.raises(TooManyAttempts) as refused:
        await hit(rate_limiter, 1)

    assert refused.value.retry_after == 40  # rounded up, or it would be too early
    clock.advance(seconds=39.5)
    await hit(rate_limiter, 3)


async def test_it_is_never_in_no_time(rate_limiter, clock):
    await hit(rate_limiter, 3)
    clock.advance(minutes=1, microseconds=-1)

    with pytest.raises(TooManyAttempts) as refused:
        await hit(rate_limiter, 1)

    assert refused.value.retry_after == 1


async def test_coming_back_too_early_does_not_prolong_the_wait(rate_limiter, clock):
    await hit(rate_limiter, 3)
    for _ in range(10):
        clock.advance(seconds=5)
        with pytest.raises(TooManyAttempts):
            await hit(rate_limiter, 1)

    clock.advance(seconds=10)

    await hit(rate_limiter, 3)


async def test_buckets_are_counted_apart(rate_limiter):
    await hit(rate_limiter, 3, "ann")

    await hit(rate_limiter, 3, "bob")


async def test_a_hit_in_several_buckets_needs_room_in_each(rate_limiter):
    await hit(rate_limiter, 3, "ann")

    with pytest.raises(TooManyAttempts):
        await hit(rate_limiter, 1, "bob", "ann")
    await hit(rate_limiter, 3, "bob")


async def test_each_bucket_has_its_own_window(rate_limiter, clock):
    await rate_limiter.hit({"hour": replace(LIMIT, window=timedelta(hours=1)), "minute": LIMIT})
    clock.advance(minutes=1)

    assert await use_of(rate_limiter, "minute") == (0, 0)
    used = await rate_limiter.look("hour")
    assert used == {"hour": Use(hits=1, ends_in=timedelta(minutes=59))}


@pytest.mark.parametrize("bucket", ["", "x" * 10_000, "nul\0", "half a surrogate \ud800", "Анна"])
async def test_any_text_names_a_bucket(rate_limiter, bucket):
    await hit(rate_limiter, 3, bucket)

    with pytest.raises(TooManyAttempts):
        await hit(rate_limiter, 1, bucket)
    with pytest.raises(TooManyAttempts):
        await start(rate_limiter, 1, bucket)
    await rate_limiter.finish([bucket], hits=0)
    await rate_limiter.remember(bucket, timedelta(minutes=1))


async def test_a13_of_twenty_hits_at_once_as_many_as_the_limit_are_let_through(rate_limiter):
    outcomes = await outcomes_of(rate_limiter.hit({"ann": LIMIT}) for _ in range(20))

    assert outcomes == {"done": 3, "TooManyAttempts": 17}


async def test_a16_two_processes_see_one_count(database, clock):
    one, other = PostgresRateLimiter(database, clock), PostgresRateLimiter(database, clock)
    await hit(one, 2)
    await hit(other, 1)

    for process in (one, other):
        with pytest.raises(TooManyAttempts):
            await hit(process, 1)
        with pytest.raises(TooManyAttempts):
            await start(process, 1)


# What is taken together


async def test_what_is_taken_is_what_there_is_room_for(rate_limiter, clock):
    await hit(rate_limiter, 1)

    assert await rate_limiter.take("ann", LIMIT, 2) == (2, Use(hits=3, ends_in=LIMIT.window))
    assert (await rate_limiter.take("ann", LIMIT, 2))[0] == 0


async def test_of_more_than_is_left_the_rest_is_taken(rate_limiter):
    await hit(rate_limiter, 2)

    assert (await rate_limiter.take("ann", LIMIT, 2))[0] == 1


async def test_in_the_next_window_there_is_room_again(rate_limiter, clock):
    await rate_limiter.take("ann", LIMIT, 30)
    clock.advance(minutes=1)

    assert (await rate_limiter.take("ann", LIMIT, 3))[0] == 3


async def test_of_twenty_who_take_at_once_no_more_is_taken_than_there_is(rate_limiter):
    taken = await asyncio.gather(*(rate_limiter.take("ann", LIMIT, 2) for _ in range(20)))

    assert sum(hits for hits, _ in taken) == LIMIT.hits


# Attempts in progress


async def test_what_is_in_progress_is_no_hit(rate_limiter):
    await start(rate_limiter, 2)

    assert await use_of(rate_limiter) == (0, 2)


async def test_a_finished_attempt_leaves_room_for_another(rate_limiter):
    await start(rate_limiter, 3)

    await rate_limiter.finish(["ann"], hits=0)

    await start(rate_limiter, 1)
    assert await use_of(rate_limiter) == (0, 3)


async def test_a_finished_attempt_that_is_a_hit_leaves_none(rate_limiter):
    await start(rate_limiter, 3)

    await rate_limiter.finish(["ann"], hits=1)

    assert await use_of(rate_limiter) == (1, 2)
    with pytest.raises(TooManyAttempts):
        await start(rate_limiter, 1)


async def test_when_attempts_in_progress_fill_a_bucket_there_is_room_again_soon(rate_limiter):
    await hit(rate_limiter, 2)
    await start(rate_limiter, 1)

    with pytest.raises(TooManyAttempts) as refused:
        await start(rate_limiter, 1)

    assert refused.value.retry_after == 1


async def test_when_hits_fill_a_bucket_its_window_has_to_end(rate_limiter):
    await hit(rate_limiter, 3)

    with pytest.raises(TooManyAttempts) as refused:
        await start(rate_limiter, 1)

    assert refused.value.retry_after == 60


async def test_an_attempt_that_is_refused_by_one_bucket_is_counted_by_none(rate_limiter):
    await start(rate_limiter, 3, "bob")

    for others in (("ann", "bob"), ("bob", "ann")):
        with pytest.raises(TooManyAttempts):
            await start(rate_limiter, 1, *others)

    assert await use_of(rate_limiter, "ann") == (0, 0)
    assert await use_of(rate_limiter, "bob") == (0, 3)


async def test_a13_of_twenty_attempts_at_once_no_more_than_the_limit_are_let_through(rate_limiter):
    outcomes = await outcomes_of(rate_limiter.start({"ann": LIMIT}) for _ in range(20))

    assert 1 <= outcomes["done"] <= 3
    assert outcomes["done"] + outcomes["TooManyAttempts"] == 20
    assert await use_of(rate_limiter) == (0, outcomes["done"])


async def test_an_attempt_whose_process_died_is_given_up(rate_limiter, clock):
    await start(rate_limiter, 3)

    clock.advance(seconds=IN_PROGRESS.total_seconds())

    assert await use_of(rate_limiter) == (0, 0)
    await start(rate_limiter, 3)
    assert await use_of(rate_limiter) == (0, 3)


async def test_an_attempt_can_be_a_hit_after_it_was_given_up(rate_limiter, clock):
    await start(rate_limiter, 1)
    clock.advance(seconds=IN_PROGRESS.total_seconds())

    await rate_limiter.finish(["ann"], hits=1)

    assert await use_of(rate_limiter) == (1, 0)


async def test_nobody_can_finish_more_than_was_started(rate_limiter):
    await start(rate_limiter, 1)

    for _ in range(5):
        await rate_limiter.finish(["ann"], hits=0)

    await start(rate_limiter, 3)
    assert await use_of(rate_limiter) == (0, 3)


async def test_finishing_what_was_never_started_is_no_error(rate_limiter):
    await rate_limiter.finish(["nobody"], hits=1)

    assert await use_of(rate_limiter, "nobody") == (0, 0)


async def test_attempts_in_the_same_buckets_never_wait_for_each_other_in_a_circle(rate_limiter):
    buckets = [f"bucket {n}" for n in range(20)]

    async def attempt(ordered):
        limits = dict.fromkeys(ordered, LIMIT.lifted())
        for _ in range(20):
            await rate_limiter.start(limits)
            await rate_limiter.finish(ordered, hits=1)

    outcomes = await outcomes_of(attempt(order) for order in (buckets, buckets[::-1]) * 8)

    assert outcomes == {"done": 16}
    assert {await use_of(rate_limiter, bucket) for bucket in buckets} == {(320, 0)}


# What is remembered


async def test_what_is_remembered_shows_a_hit_for_so_long(rate_limiter, clock):
    await rate_limiter.remember("ann", timedelta(days=30))

    used = await rate_limiter.look("ann", "bob")

    assert used == {"ann": Use(hits=1, ends_in=timedelta(days=30)), "bob": Use()}
    clock.advance(days=30)
    assert await rate_limiter.look("ann") == {"ann": Use()}


async def test_what_is_remembered_again_is_remembered_for_longer(rate_limiter, clock):
    await rate_limiter.remember("ann", timedelta(days=30))
    clock.advance(days=20)

    await rate_limiter.remember("ann", timedelta(days=30))

    used = await rate_limiter.look("ann")
    assert used == {"ann": Use(hits=1, ends_in=timedelta(days=30))}


# What is closed


async def test_a_closed_bucket_is_refused_for_so_long(rate_limiter, clock):
    rate_limiter.close("ann", timedelta(seconds=20.5))

    with pytest.raises(TooManyAttempts) as refused:
        rate_limiter.ensure_open("ann")

    rate_limiter.ensure_open("bob")
    assert refused.value.retry_after == 21
    clock.advance(seconds=20.5)
    rate_limiter.ensure_open("ann")


async def test_a_bucket_is_closed_as_soon_as_it_is_full(rate_limiter, clock):
    await hit(rate_limiter, 2)
    rate_limiter.ensure_open("ann")
    await hit(rate_limiter, 1)
    clock.advance(seconds=20.5)

    with pytest.raises(TooManyAttempts) as refused:
        rate_limiter.ensure_open("ann")

    assert refused.value.retry_after == 40
    clock.advance(seconds=39.5)
    rate_limiter.ensure_open("ann")


async def test_a16_a_bucket_filled_by_another_process_is_closed_at_the_first_refusal(
    database, clock
):
    await hit(PostgresRateLimiter(database, clock), 3)
    rate_limiter = PostgresRateLimiter(database, clock)
    rate_limiter.ensure_open("ann")

    with pytest.raises(TooManyAttempts):
        await hit(rate_limiter, 1)

    with pytest.raises(TooManyAttempts):
        rate_limiter.ensure_open("ann")


async def test_e05_a_full_bucket_is_refused_without_asking_the_database(database, clock):
    rate_limiter = PostgresRateLimiter(database, clock)
    await hit(rate_limiter, 3)
    without_database = replace(rate_limiter, queries=None)

    clock.advance(minutes=1, microseconds=-1)
    with pytest.raises(TooManyAttempts):
        await hit(without_database, 1)

    clock.advance(microseconds=1)
    with pytest.raises(AttributeError):
        await hit(without_database, 1)


async def test_e08_of_a_million_closed_buckets_only_some_are_remembered(clock):
    rate_limiter = PostgresRateLimiter(None, clock)

    for n in range(1_000_000):
        rate_limiter.close(str(n), timedelta(minutes=1))

    assert len(rate_limiter._closed_until) <= rate_limiter_module.MOST_CLOSED


# What is swept


@pytest.fixture
def housekeeping(database, clock):
    standing = PostgresStanding(database, clock, timedelta(minutes=15))
    return PostgresHousekeeping(
        database, clock, standing, PostgresKeyRing(database, clock), PostgresListeners(database)
    )


async def rows_in(database):
    async with database.connection() as connection:
        return await connection.connection.fetchval("SELECT count(*) FROM rate_limits")


async def test_e08_what_is_over_is_swept_and_what_is_not_stays(database, housekeeping, clock):
    rate_limiter = PostgresRateLimiter(database, clock)
    await hit(rate_limiter, 1, "over")
    clock.advance(seconds=30)
    await hit(rate_limiter, 3, "running")
    clock.advance(seconds=30)

    await housekeeping.sweep()

    assert await rows_in(database) == 1
    with pytest.raises(TooManyAttempts):
        await hit(rate_limiter, 1, "running")


async def test_e08_a_million_buckets_are_swept_a_few_at_a_time(
    empty_database_url, database, housekeeping
):
    execute(
        empty_database_url,
        "INSERT INTO rate_limits (bucket, hits, resets_at)"
        " SELECT sha256(n::text::bytea), 1, '2029-12-31' FROM generate_series(1, 1000000) AS n",
    )
    swept = []

    class WatchedQueries:
        async def all(self, statement, **values):
            [row] = await database.all(statement, **values)
            swept.append(row["rows"])
            return [row]

    await replace(housekeeping, queries=WatchedQueries()).sweep()

    assert sum(swept) == 1_000_000
    assert max(swept) == SWEPT_AT_A_TIME
    assert await rows_in(database) == 0


async def test_what_an_attempt_has_a_hand_on_is_left_to_the_next_sweep(
    database, housekeeping, clock
):
    await hit(PostgresRateLimiter(database, clock), 1, "one", "other")
    clock.advance(minutes=1)

    async with database.connection() as connection, connection.connection.transaction():
        await connection.connection.execute("SELECT FROM rate_limits LIMIT 1 FOR UPDATE")
        await housekeeping.sweep()

        assert await rows_in(database) == 1
    await housekeeping.sweep()
    assert await rows_in(database) == 0


async def test_without_limits_nothing_is_refused_and_nothing_counted():
    no_limits = NoRateLimits()
    assert (await no_limits.take("ann", LIMIT, 5))[0] == 5
    await hit(no_limits, 100)
    await start(no_limits, 100)
    await no_limits.finish(["ann"], hits=1)
    await no_limits.remember("ann", timedelta(days=30))
    no_limits.close("ann", timedelta(minutes=1))

    no_limits.ensure_open("ann")

    assert await no_limits.look("ann") == {"ann": Use()}

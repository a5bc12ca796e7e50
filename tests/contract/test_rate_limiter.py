from dataclasses import replace
from datetime import timedelta

import pytest

from at_once import outcomes_of
from fakes import FakeRateLimiter
from referral.adapters.postgres import rate_limiter as rate_limiter_module
from referral.adapters.postgres.housekeeping import PostgresHousekeeping
from referral.adapters.postgres.rate_limiter import PostgresRateLimiter
from referral.adapters.postgres.revocations import PostgresRevocations
from referral.adapters.unlimited import Unlimited
from referral.application.ports import Limit
from referral.domain.errors import TooManyAttempts

LIMIT = Limit(hits=3, window=timedelta(minutes=1))


@pytest.fixture(params=["fake", "postgres"])
def rate_limiter(request, clock):
    if request.param == "fake":
        return FakeRateLimiter(clock)
    return PostgresRateLimiter(request.getfixturevalue("database"), clock)


async def hit(rate_limiter, times, bucket="ann"):
    for _ in range(times):
        await rate_limiter.hit(bucket, LIMIT)


async def test_as_many_as_the_limit_are_let_through(rate_limiter):
    await hit(rate_limiter, times=3)

    with pytest.raises(TooManyAttempts):
        await hit(rate_limiter, times=1)


async def test_whoever_is_sent_away_is_told_when_to_come_back(rate_limiter, clock):
    await hit(rate_limiter, times=3)
    clock.advance(seconds=20.5)

    with pytest.raises(TooManyAttempts) as refused:
        await hit(rate_limiter, times=1)

    assert refused.value.retry_after == 40  # rounded up, or it would be too early
    clock.advance(seconds=40)
    await hit(rate_limiter, times=3)


async def test_it_is_never_in_no_time(rate_limiter, clock):
    await hit(rate_limiter, times=3)
    clock.advance(minutes=1, microseconds=-1)

    with pytest.raises(TooManyAttempts) as refused:
        await hit(rate_limiter, times=1)

    assert refused.value.retry_after == 1


async def test_coming_back_too_early_does_not_prolong_the_wait(rate_limiter, clock):
    await hit(rate_limiter, times=3)
    for _ in range(10):
        clock.advance(seconds=5)
        with pytest.raises(TooManyAttempts):
            await hit(rate_limiter, times=1)

    clock.advance(seconds=10)

    await hit(rate_limiter, times=3)


async def test_buckets_are_counted_apart(rate_limiter):
    await hit(rate_limiter, times=3, bucket="ann")

    await hit(rate_limiter, times=3, bucket="bob")


async def test_what_is_given_back_can_be_used_again(rate_limiter):
    await hit(rate_limiter, times=3)

    await rate_limiter.give_back("ann")

    await hit(rate_limiter, times=1)
    with pytest.raises(TooManyAttempts):
        await hit(rate_limiter, times=1)


async def test_nobody_can_give_back_more_than_they_used(rate_limiter):
    await hit(rate_limiter, times=1)
    for _ in range(5):
        await rate_limiter.give_back("ann")

    await hit(rate_limiter, times=3)

    with pytest.raises(TooManyAttempts):
        await hit(rate_limiter, times=1)


async def test_giving_back_what_was_never_used_is_no_error(rate_limiter):
    await rate_limiter.give_back("nobody")

    await hit(rate_limiter, times=3, bucket="nobody")


@pytest.mark.parametrize("bucket", ["", "x" * 10_000, "nul\0", "half a surrogate \ud800", "Анна"])
async def test_any_text_names_a_bucket(rate_limiter, bucket):
    await hit(rate_limiter, times=3, bucket=bucket)

    with pytest.raises(TooManyAttempts):
        await hit(rate_limiter, times=1, bucket=bucket)
    await rate_limiter.give_back(bucket)


async def test_a13_of_twenty_at_once_as_many_as_the_limit_are_let_through(rate_limiter):
    outcomes = await outcomes_of(rate_limiter.hit("ann", LIMIT) for _ in range(20))

    assert outcomes == {"done": 3, "TooManyAttempts": 17}


async def test_a16_two_processes_see_one_count(database, clock):
    one, other = PostgresRateLimiter(database, clock), PostgresRateLimiter(database, clock)
    await hit(one, times=2)
    await hit(other, times=1)

    for process in (one, other):
        with pytest.raises(TooManyAttempts):
            await hit(process, times=1)


async def test_e05_a_full_bucket_is_refused_for_a_second_without_asking_the_database(
    database, clock
):
    rate_limiter = PostgresRateLimiter(database, clock)
    with pytest.raises(TooManyAttempts):
        await hit(rate_limiter, times=4)
    without_database = replace(rate_limiter, queries=None)

    clock.advance(seconds=1, microseconds=-1)
    with pytest.raises(TooManyAttempts) as refused:
        await hit(without_database, times=1)

    assert refused.value.retry_after == 60
    clock.advance(microseconds=1)
    with pytest.raises(AttributeError):
        await hit(without_database, times=1)


async def test_what_is_given_back_to_a_full_bucket_can_be_used_at_once(rate_limiter):
    with pytest.raises(TooManyAttempts):
        await hit(rate_limiter, times=4)

    for _ in range(2):
        await rate_limiter.give_back("ann")

    await hit(rate_limiter, times=1)


async def test_e08_only_so_many_full_buckets_are_remembered(database, clock, monkeypatch):
    monkeypatch.setattr(rate_limiter_module, "MOST_REMEMBERED", 2)
    rate_limiter = PostgresRateLimiter(database, clock)

    for bucket in ("ann", "bob", "eve"):
        with pytest.raises(TooManyAttempts):
            await hit(rate_limiter, times=4, bucket=bucket)

    assert len(rate_limiter._full) == 1


async def test_e08_what_is_over_is_swept_and_what_is_not_stays(database, clock):
    rate_limiter = PostgresRateLimiter(database, clock)
    housekeeping = PostgresHousekeeping(
        database, clock, PostgresRevocations(database, clock, timedelta(minutes=15))
    )
    await hit(rate_limiter, times=1, bucket="over")
    clock.advance(seconds=30)
    await hit(rate_limiter, times=3, bucket="running")
    clock.advance(seconds=30)

    await housekeeping.sweep()

    async with database.connection() as connection:
        assert await connection.connection.fetchval("SELECT count(*) FROM rate_limits") == 1
    with pytest.raises(TooManyAttempts):
        await hit(rate_limiter, times=1, bucket="running")


async def test_unlimited_lets_everyone_through():
    await hit(Unlimited(), times=100)

    await Unlimited().give_back("ann")

"""How many calls a key may make, over several processes that share one count."""

import asyncio
from collections import Counter
from datetime import timedelta

import pytest

from examples import an_id
from fakes import FakeRateLimiter
from referral.application.access.limit import Limit
from referral.application.access.quotas import Quotas
from referral.domain.access.caller import KeyId
from referral.domain.access.errors import QuotaExceeded

KEY = KeyId(an_id(7))
LIMIT = Limit(hits=200, window=timedelta(minutes=1))


class CountingRateLimiter(FakeRateLimiter):
    """Counts how often it is asked, and lets others run meanwhile."""

    asked = 0

    async def take(self, bucket, limit, hits):
        self.asked += 1
        await asyncio.sleep(0)
        return await super().take(bucket, limit, hits)


@pytest.fixture
def rate_limiter(clock):
    return CountingRateLimiter(clock)


@pytest.fixture
def process(rate_limiter, clock):
    """Makes a process with quotas of its own."""
    return lambda limit=LIMIT: Quotas(rate_limiter, clock, limit)


async def calls(quotas, times, key=KEY):
    """What became of so many calls, one after the other."""
    return Counter([(await quotas.count(key)).is_exceeded for _ in range(times)])


async def test_a_key_makes_as_many_calls_as_the_limit_says(process):
    assert await calls(process(), 230) == {False: 200, True: 30}


async def test_each_call_tells_what_is_left(process, clock):
    quotas = process()

    told = [await quotas.count(KEY) for _ in range(202)]

    assert [quota.remaining for quota in told] == [*range(199, -1, -1), 0, 0]
    assert {(quota.limit, quota.resets_in) for quota in told} == {(LIMIT, 60)}


async def test_the_seconds_that_are_left_are_rounded_up(process, clock):
    quotas = process()
    await quotas.count(KEY)
    clock.advance(seconds=20.5)

    assert (await quotas.count(KEY)).resets_in == 40


async def test_the_call_that_is_one_too_many_is_refused_until_the_window_ends(process, clock):
    quotas = process()
    await calls(quotas, 200)
    clock.advance(seconds=20)

    with pytest.raises(QuotaExceeded) as refused:
        (await quotas.count(KEY)).ensure_room()

    assert refused.value.retry_after == 40
    clock.advance(seconds=40)
    (await quotas.count(KEY)).ensure_room()
    assert (await quotas.count(KEY)).remaining == 198


async def test_a_hundredth_of_the_limit_costs_one_question_and_what_is_refused_none(
    process, rate_limiter
):
    quotas = process()

    await calls(quotas, 200)
    assert rate_limiter.asked == 100
    await calls(quotas, 1000)

    assert rate_limiter.asked == 100


@pytest.mark.parametrize("hits", [1, 99, 100, 250])
async def test_a_limit_of_any_size_is_kept(process, hits):
    quotas = process(Limit(hits=hits, window=timedelta(minutes=1)))

    assert await calls(quotas, hits + 5) == {False: hits, True: 5}


async def test_two_processes_let_no_more_through_than_one(process):
    one, other = process(), process()

    done = sum([await calls(quotas, 1) for _ in range(200) for quotas in (one, other)], Counter())

    assert done == {False: 200, True: 200}


async def test_a_process_refuses_no_more_than_others_hold(process):
    one, other = process(), process()
    await calls(other, 1)

    done = await calls(one, 200)

    assert done == {False: 198, True: 2}
    assert await calls(other, 2) == {False: 1, True: 1}


async def test_of_many_calls_at_once_no_more_get_through_and_no_more_is_held(process, rate_limiter):
    quotas = process()

    answers = await asyncio.gather(*(quotas.count(KEY) for _ in range(150)))

    assert not any(answer.is_exceeded for answer in answers)
    assert rate_limiter.asked == 75
    assert await calls(quotas, 60) == {False: 50, True: 10}


async def test_a_new_window_begins_with_nothing_left_of_the_last(process, clock):
    quotas = process()
    await quotas.count(KEY)
    clock.advance(minutes=1)

    assert (await quotas.count(KEY)).remaining == 199
    assert await calls(quotas, 250) == {False: 199, True: 51}


async def test_keys_are_counted_apart(process):
    quotas = process()
    await calls(quotas, 200)

    assert await calls(quotas, 5, KeyId(an_id(8))) == {False: 5}


async def test_who_comes_in_the_last_instant_waits_a_second(process, clock):
    quotas = process()
    await calls(quotas, 200)
    clock.advance(minutes=1, microseconds=-1)

    with pytest.raises(QuotaExceeded) as refused:
        (await quotas.count(KEY)).ensure_room()

    assert refused.value.retry_after == 1

"""How many calls of one caller work at a time."""

import asyncio
from collections import Counter

import pytest

from referral.entrypoints.http.middleware import concurrency as module
from referral.entrypoints.http.middleware.concurrency import Concurrency
from referral.entrypoints.http.problems.types import TooManyCalls


class Service:
    """An application that takes as long as the test likes; knows who works in it, and in which order they came."""

    def __init__(self, limit):
        self.concurrency = Concurrency(limit)
        self.app = self.concurrency.around(self.work)
        self.working = Counter()
        self.came = []
        self.done = asyncio.Semaphore(0)

    async def work(self, scope, receive, send):
        await self.concurrency.enter(scope, scope["who"])
        self.working[scope["who"]] += 1
        self.came.append(scope["number"])
        await self.done.acquire()
        self.working[scope["who"]] -= 1

    def calls(self, who, number):
        return [
            asyncio.create_task(self.app({"who": who, "number": n}, None, None))
            for n in range(number)
        ]


async def settled():
    """Everybody went as far as they get by themselves."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_no_more_calls_of_one_caller_work_at_a_time_than_the_limit():
    service = Service(limit=2)

    ann, bob = service.calls("ann", 50), service.calls("bob", 1)
    await settled()

    assert service.working == {"ann": 2, "bob": 1}
    service.done.release()
    await settled()
    assert service.working["ann"] == 2
    for _ in range(50):
        service.done.release()
    await asyncio.gather(*ann, *bob)


async def test_who_waits_works_in_the_order_in_which_they_came():
    service = Service(limit=1)

    calls = service.calls("ann", 20)
    for _ in calls:
        service.done.release()
    await asyncio.gather(*calls)

    assert service.came == list(range(20))


async def test_only_so_many_may_wait():
    service = Service(limit=1)

    calls = service.calls("ann", 1 + module.WAITING + 3)
    await settled()

    refused = [call for call in calls if call.done()]
    assert [type(call.exception()) for call in refused] == [TooManyCalls] * 3
    for _ in calls:
        service.done.release()
    ended = await asyncio.gather(*calls, return_exceptions=True)
    assert ended.count(None) == 1 + module.WAITING


async def test_nobody_waits_without_end(monkeypatch):
    monkeypatch.setattr(module, "WAIT_SECONDS", 0.01)
    service = Service(limit=1)

    first, second = service.calls("ann", 2)
    with pytest.raises(TooManyCalls):
        await second
    service.done.release()
    await first

    assert service.came == [0]


@pytest.mark.parametrize("at_the_same_time", [False, True])
async def test_a_call_that_is_cancelled_leaves_its_place_to_others(at_the_same_time):
    service = Service(limit=1)

    working, waiting, last = service.calls("ann", 3)
    await settled()
    if at_the_same_time:
        working.cancel()
    waiting.cancel()
    service.done.release()
    service.done.release()
    await asyncio.gather(working, waiting, last, return_exceptions=True)

    assert service.came == [0, 2]


async def test_a_call_that_is_cancelled_when_its_turn_has_come_leaves_it_to_others():
    service = Service(limit=1)

    working, cancelled, last = service.calls("ann", 3)
    await settled()
    service.done.release()
    while len(service.concurrency._callers["ann"].waiting) == 2:  # noqa: ASYNC110
        await asyncio.sleep(0)
    cancelled.cancel()
    service.done.release()
    await asyncio.gather(working, cancelled, last, return_exceptions=True)

    assert service.came == [0, 2]


async def test_nothing_is_remembered_of_callers_who_are_gone(monkeypatch):
    monkeypatch.setattr(module, "WAIT_SECONDS", 0.01)
    service = Service(limit=1)

    calls = [call for n in range(100) for call in service.calls(f"caller {n}", 2)]
    await asyncio.wait(calls, return_when=asyncio.FIRST_EXCEPTION)
    for _ in calls:
        service.done.release()
    await asyncio.gather(*calls, return_exceptions=True)

    assert service.concurrency._callers == {}


async def test_without_a_limit_nobody_waits():
    service = Service(limit=None)

    calls = service.calls("ann", 500)
    await settled()

    assert service.working == {"ann": 500}
    for _ in calls:
        service.done.release()
    await asyncio.gather(*calls)

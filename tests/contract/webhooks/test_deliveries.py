import asyncio
import json
from datetime import timedelta

import pytest

from examples import NOW, an_endpoint
from referral.application.pages import ListRequest
from referral.domain.webhooks.attempt import Attempt
from referral.domain.webhooks.delivery import DeliveryStatus
from referral.domain.webhooks.endpoint import EndpointStatus
from referral.domain.webhooks.message import Message, MessageType

KEEP = timedelta(days=30)
SOON = NOW + timedelta(minutes=1)
FAILED = Attempt(at=NOW, status=500, answer="Oops")
TAKEN = Attempt(at=NOW, status=204)


@pytest.fixture
async def endpoint(endpoints):
    await endpoints.add(an_endpoint())
    return an_endpoint()


@pytest.fixture
def tell(store):
    async def tell(*numbers):
        async with store.begin() as tx:
            for number in numbers:
                await tx.outbox.add(Message(MessageType.CODE_ISSUED, {"n": number}, NOW))

    return tell


def numbers(deliveries):
    return [json.loads(delivery.body)["data"]["n"] for delivery in deliveries]


async def listed(deliveries, endpoint):
    return (await deliveries.page_of(endpoint.id, ListRequest())).items


async def test_what_is_new_is_due_in_the_order_in_which_it_was_written(deliveries, endpoint, tell):
    await tell(1, 2)
    await tell(3)

    assert numbers(await deliveries.due(endpoint.id, NOW, 100)) == [1, 2, 3]
    assert numbers(await deliveries.due(endpoint.id, NOW, 2)) == [1, 2]


async def test_what_became_of_attempts_is_stored(deliveries, endpoint, tell):
    await tell(1, 2)
    first, second = await deliveries.due(endpoint.id, NOW, 100)
    taken = first.after(TAKEN, jitter=0, keep=KEEP)
    failed = second.after(FAILED, jitter=0, keep=KEEP)

    await deliveries.record([taken, failed])

    stored = {delivery.message_id: delivery for delivery in await listed(deliveries, endpoint)}
    assert stored == {taken.message_id: taken, failed.message_id: failed}


async def test_what_failed_is_due_at_its_time_and_after_what_is_new(deliveries, endpoint, tell):
    await tell(1, 2)
    await deliveries.record(
        [
            delivery.after(FAILED, jitter=jitter, keep=KEEP)
            for jitter, delivery in enumerate(reversed(await deliveries.due(endpoint.id, NOW, 9)))
        ]
    )
    await tell(3)

    assert numbers(await deliveries.due(endpoint.id, NOW + timedelta(seconds=4), 100)) == [3]
    later = NOW + timedelta(seconds=5)
    assert numbers(await deliveries.due(endpoint.id, later, 100)) == [3, 2]
    assert numbers(await deliveries.due(endpoint.id, SOON, 100)) == [3, 2, 1]


async def test_what_is_delivered_stays_so_whatever_another_process_says(deliveries, endpoint, tell):
    await tell(1)
    [delivery] = await deliveries.due(endpoint.id, NOW, 100)
    taken = delivery.after(TAKEN, jitter=0, keep=KEEP)
    await deliveries.record([taken])

    await deliveries.record([delivery.after(FAILED, jitter=0, keep=KEEP)])

    assert await listed(deliveries, endpoint) == [taken]
    assert await deliveries.due(endpoint.id, SOON, 100) == []


async def test_a_lane_is_taken_by_one_until_it_ends(deliveries, endpoint, tell):
    await tell(1)

    taken = [lane for _ in range(3) for lane in await deliveries.take(NOW, SOON, 100)]

    [lane] = taken
    assert lane.endpoint == endpoint
    assert await deliveries.take(SOON - timedelta(microseconds=1), SOON, 100) == []
    [next_lane] = await deliveries.take(SOON, SOON + timedelta(minutes=1), 100)
    assert next_lane.holder != lane.holder


async def test_of_many_who_ask_at_once_one_gets_a_lane(deliveries, endpoint, tell):
    await tell(1)

    asked = await asyncio.gather(*(deliveries.take(NOW, SOON, 100) for _ in range(10)))

    assert sum(map(len, asked)) == 1


async def test_a_lane_that_ends_is_taken_again_when_it_may(deliveries, endpoint, tell):
    await tell(1)
    [lane] = await deliveries.take(NOW, SOON, 100)

    await deliveries.end(lane, NOW + timedelta(seconds=2))

    assert await deliveries.take(NOW + timedelta(seconds=1), SOON, 100) == []
    assert len(await deliveries.take(NOW + timedelta(seconds=2), SOON, 100)) == 1


async def test_who_has_lost_a_lane_does_not_end_that_of_another(deliveries, endpoint, tell):
    await tell(1)
    [lost] = await deliveries.take(NOW, SOON, 100)
    await deliveries.take(SOON, SOON + timedelta(minutes=1), 100)

    await deliveries.end(lost, SOON)

    assert await deliveries.take(SOON, SOON + timedelta(minutes=1), 100) == []


async def test_there_is_no_lane_where_nothing_is_due(store, deliveries, endpoint, tell):
    assert await deliveries.take(NOW, SOON, 100) == []
    await tell(1)
    [delivery] = await deliveries.due(endpoint.id, NOW, 1)
    await deliveries.record([delivery.after(FAILED, jitter=0, keep=KEEP)])
    assert await deliveries.take(NOW, SOON, 100) == []

    assert len(await deliveries.take(NOW + timedelta(seconds=5), SOON, 100)) == 1


async def test_no_more_lanes_are_taken_than_are_asked_for(deliveries, endpoints, tell):
    for number in range(5):
        await endpoints.add(an_endpoint(number))
    await tell(1)

    first, rest = await deliveries.take(NOW, SOON, 3), await deliveries.take(NOW, SOON, 3)

    assert (len(first), len(rest)) == (3, 2)
    assert len({lane.endpoint.id for lane in (*first, *rest)}) == 5


@pytest.mark.parametrize("fate", ["disabled", "deleted"])
async def test_nothing_is_due_for_an_endpoint_that_is_disabled_or_deleted(
    *, store, deliveries, endpoint, endpoints, tell, fate
):
    await tell(1)
    if fate == "deleted":
        await endpoints.delete(endpoint.id, NOW)
    else:
        async with store.begin() as tx:
            await tx.endpoints.save(endpoint.become(EndpointStatus.DISABLED, NOW))

    assert await deliveries.due(endpoint.id, SOON, 100) == []
    assert await deliveries.take(NOW, SOON, 100) == []


async def test_what_is_new_is_pending_and_due_at_once(deliveries, endpoint, tell):
    await tell(1)

    [delivery] = await listed(deliveries, endpoint)

    assert (delivery.status, delivery.attempts) == (DeliveryStatus.PENDING, 0)
    assert delivery.next_attempt_at < NOW
    assert delivery.last_attempt_at is delivery.last_status is delivery.last_answer is None

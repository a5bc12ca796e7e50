import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from examples import NOW, an_endpoint, an_id
from referral.application.pages import ListRequest
from referral.application.webhooks.ports import Backlog, Replay
from referral.domain.webhooks.attempt import Attempt
from referral.domain.webhooks.delivery import DeliveryStatus, MessageId
from referral.domain.webhooks.endpoint import EndpointStatus
from referral.domain.webhooks.errors import MessageNotFound
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

    assert numbers(await deliveries.due(endpoint, NOW, 100)) == [1, 2, 3]
    assert numbers(await deliveries.due(endpoint, NOW, 2)) == [1, 2]


async def test_what_became_of_attempts_is_stored(deliveries, endpoint, tell):
    await tell(1, 2)
    first, second = await deliveries.due(endpoint, NOW, 100)
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
            for jitter, delivery in enumerate(reversed(await deliveries.due(endpoint, NOW, 9)))
        ]
    )
    await tell(3)

    assert numbers(await deliveries.due(endpoint, NOW + timedelta(seconds=4), 100)) == [3]
    later = NOW + timedelta(seconds=5)
    assert numbers(await deliveries.due(endpoint, later, 100)) == [3, 2]
    assert numbers(await deliveries.due(endpoint, SOON, 100)) == [3, 2, 1]


async def test_what_is_delivered_stays_so_whatever_another_process_says(deliveries, endpoint, tell):
    await tell(1)
    [delivery] = await deliveries.due(endpoint, NOW, 100)
    taken = delivery.after(TAKEN, jitter=0, keep=KEEP)
    await deliveries.record([taken])

    await deliveries.record([delivery.after(FAILED, jitter=0, keep=KEEP)])

    assert await listed(deliveries, endpoint) == [taken]
    assert await deliveries.due(endpoint, SOON, 100) == []


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


async def test_a_lane_that_ends_is_taken_again(deliveries, endpoint, tell):
    await tell(1)
    [lane] = await deliveries.take(NOW, SOON, 100)

    await deliveries.end(lane, NOW)

    assert len(await deliveries.take(NOW, SOON, 100)) == 1


@pytest.fixture
async def paused(store, endpoint):
    """An endpoint that is left alone for two seconds."""
    paused = replace(endpoint, paused_until=NOW + timedelta(seconds=2))
    async with store.begin() as tx:
        await tx.endpoints.save(paused)
    return paused


async def test_nobody_takes_a_lane_to_an_endpoint_that_is_left_alone(deliveries, paused, tell):
    await tell(1)

    assert await deliveries.take(NOW + timedelta(seconds=1), SOON, 100) == []
    [lane] = await deliveries.take(paused.paused_until, SOON, 100)
    assert lane.endpoint == paused


async def test_an_endpoint_whose_pause_has_ended_is_still_sent_to_by_one(
    deliveries, endpoints, paused, tell
):
    await tell(1)
    await endpoints.end_pause(paused.id, NOW)

    [lane] = await deliveries.take(NOW, SOON, 100)
    await endpoints.end_pause(paused.id, NOW)
    assert await deliveries.take(NOW, SOON, 100) == []
    await deliveries.end(lane, NOW)
    assert len(await deliveries.take(NOW, SOON, 100)) == 1


async def test_who_has_lost_a_lane_does_not_end_that_of_another(deliveries, endpoint, tell):
    await tell(1)
    [lost] = await deliveries.take(NOW, SOON, 100)
    await deliveries.take(SOON, SOON + timedelta(minutes=1), 100)

    await deliveries.end(lost, SOON)

    assert await deliveries.take(SOON, SOON + timedelta(minutes=1), 100) == []


async def test_there_is_no_lane_where_nothing_is_due(store, deliveries, endpoint, tell):
    assert await deliveries.take(NOW, SOON, 100) == []
    await tell(1)
    [delivery] = await deliveries.due(endpoint, NOW, 1)
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

    assert await deliveries.due(endpoint, SOON, 100) == []
    assert await deliveries.take(NOW, SOON, 100) == []


async def test_nothing_is_due_at_an_address_that_an_endpoint_has_left(
    store, deliveries, endpoint, tell
):
    await tell(1)
    moved = replace(endpoint, url="https://example.net/")
    async with store.begin() as tx:
        await tx.endpoints.save(moved)

    assert await deliveries.due(endpoint, NOW, 100) == []
    assert len(await deliveries.due(moved, NOW, 100)) == 1


async def test_what_is_new_is_pending_and_due_at_once(deliveries, endpoint, tell):
    await tell(1)

    [delivery] = await listed(deliveries, endpoint)

    assert (delivery.status, delivery.attempts) == (DeliveryStatus.PENDING, 0)
    assert delivery.next_attempt_at < NOW
    assert delivery.last_attempt_at is delivery.last_status is delivery.last_answer is None


@pytest.fixture
async def sent(store, deliveries, endpoint):
    """Messages of which each third is delivered, has failed or waits, with the moment before them."""
    began_at = datetime.now(UTC) - timedelta(seconds=1)
    async with store.begin() as tx:
        for n in range(9):
            message = Message(MessageType.CODE_ISSUED, {"n": n}, datetime.now(UTC))
            await tx.outbox.add(message)
            await asyncio.sleep(0.002)  # of two messages of one millisecond either may come first
    gone = Attempt(at=NOW, status=410)
    due = await deliveries.due(endpoint, NOW, 100)
    await deliveries.record([d.after(TAKEN, jitter=0, keep=KEEP) for d in due[::3]])
    await deliveries.record([d.after(gone, jitter=0, keep=KEEP) for d in due[1::3]])
    return began_at


def a_replay(since, **changes):
    given = {"until": NOW, "only_failed": False, "after": None, "most": 100}
    return Replay(since=since, **{**given, **changes})


async def test_deliveries_of_one_status_are_listed(deliveries, endpoint, sent):
    for status, left in (("delivered", 0), ("failed", 1), ("pending", 2)):
        page = await deliveries.page_of(endpoint.id, ListRequest(), DeliveryStatus(status))
        assert numbers(page.items) == [left + 6, left + 3, left]


async def test_what_is_over_is_sent_once_more_in_its_order(deliveries, endpoint, sent):
    before = {delivery.message_id for delivery in await listed(deliveries, endpoint)}

    replayed = await deliveries.replay_some(endpoint.id, a_replay(sent))

    assert len(replayed) == 6
    assert replayed == sorted(replayed)
    due = await deliveries.due(endpoint, NOW, 100)
    assert numbers(due) == [*range(9)]
    assert {delivery.message_id for delivery in due} == before
    assert {(delivery.attempts, delivery.expires_at) for delivery in due} == {(0, None)}


async def test_what_has_failed_alone_is_sent_once_more(deliveries, endpoint, sent):
    assert len(await deliveries.replay_some(endpoint.id, a_replay(sent, only_failed=True))) == 3

    page = await deliveries.page_of(endpoint.id, ListRequest(), DeliveryStatus.DELIVERED)
    assert numbers(page.items) == [6, 3, 0]


async def test_a_replay_goes_on_where_it_ended(deliveries, endpoint, sent):
    shares, after = [], None
    while share := await deliveries.replay_some(endpoint.id, a_replay(sent, after=after, most=4)):
        shares.append(len(share))
        after = share[-1]

    assert shares == [4, 2]
    last = MessageId(UUID(int=2**128 - 1))
    assert await deliveries.replay_some(endpoint.id, a_replay(sent, after=last)) == []


async def test_what_waits_of_a_time_is_counted_up_to_a_bound(deliveries, endpoint, endpoints, sent):
    await endpoints.add(an_endpoint(2))

    assert await deliveries.waiting(endpoint.id, sent, NOW, 100) == 3
    assert await deliveries.waiting(endpoint.id, sent, NOW, 2) == 2
    assert await deliveries.waiting(endpoint.id, NOW - timedelta(days=9999), sent, 100) == 0
    assert await deliveries.waiting(an_endpoint(2).id, sent, NOW, 100) == 0


async def test_a_replay_is_of_what_was_written_then_and_for_the_endpoint(
    deliveries, endpoint, endpoints, sent
):
    await endpoints.add(an_endpoint(2))

    later = datetime.now(UTC) + timedelta(seconds=1)
    assert await deliveries.replay_some(endpoint.id, a_replay(later)) == []
    assert await deliveries.replay_some(endpoint.id, a_replay(NOW, until=sent)) == []
    assert await deliveries.replay_some(endpoint.id, a_replay(sent, until=sent)) == []
    assert await deliveries.replay_some(an_endpoint(2).id, a_replay(sent)) == []


@pytest.mark.parametrize("minutes", [2, -2])
async def test_a_replay_goes_by_the_time_of_what_is_told_whatever_the_clock_of_who_wrote_it_says(
    store, deliveries, endpoint, minutes
):
    told_at, second = datetime.now(UTC) - timedelta(minutes=minutes), timedelta(seconds=1)
    async with store.begin() as tx:
        await tx.outbox.add(Message(MessageType.CODE_ISSUED, {"n": 1}, told_at))
    around = {"since": told_at, "until": told_at + second}
    others = [
        {"since": told_at - timedelta(minutes=9), "until": told_at},
        {"since": told_at + second, "until": told_at + timedelta(minutes=9)},
    ]

    assert await deliveries.waiting(endpoint.id, **around, most=100) == 1
    for other in others:
        assert await deliveries.waiting(endpoint.id, **other, most=100) == 0
    [delivery] = await deliveries.due(endpoint, SOON, 100)
    await deliveries.record([delivery.after(TAKEN, jitter=0, keep=KEEP)])
    for other in others:
        assert await deliveries.replay_some(endpoint.id, a_replay(**other)) == []
    assert await deliveries.replay_some(endpoint.id, a_replay(**around)) == [delivery.message_id]


async def test_a_replay_is_of_any_time(deliveries, endpoint, sent):
    first, last = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)

    assert await deliveries.waiting(endpoint.id, first, last, 100) == 3
    assert len(await deliveries.replay_some(endpoint.id, a_replay(first, until=last))) == 6
    assert await deliveries.replay_some(endpoint.id, a_replay(last, until=first)) == []


async def test_one_message_is_sent_once_more(deliveries, endpoint, sent):
    page = await deliveries.page_of(endpoint.id, ListRequest(), DeliveryStatus.DELIVERED)

    again = await deliveries.replay(endpoint.id, page.items[0].message_id)

    assert numbers([again]) == [6]
    assert (again.status, again.attempts, again.expires_at) == (DeliveryStatus.PENDING, 0, None)
    assert again in await deliveries.due(endpoint, NOW, 100)


async def test_what_was_never_sent_to_an_endpoint_cannot_be_sent_again(
    deliveries, endpoint, endpoints, sent
):
    await endpoints.add(an_endpoint(2))
    [newest, *_] = await listed(deliveries, endpoint)

    with pytest.raises(MessageNotFound):
        await deliveries.replay(endpoint.id, MessageId(an_id(404)))
    with pytest.raises(MessageNotFound):
        await deliveries.replay(an_endpoint(2).id, newest.message_id)


async def test_a_message_can_be_for_one_endpoint_alone(deliveries, endpoint, endpoints):
    await endpoints.add(an_endpoint(2))

    added = await deliveries.add(endpoint.id, Message(MessageType.TEST, {"n": 1}, NOW))

    assert (added.type, added.status, added.created_at) == (MessageType.TEST, "pending", NOW)
    assert await deliveries.due(endpoint, NOW, 100) == [added]
    assert await deliveries.due(an_endpoint(2), NOW, 100) == []


NOTHING = Backlog(0, None, is_left=False)
BEFORE = NOW - timedelta(microseconds=1)


async def test_what_waits_is_counted_up_to_a_bound_and_left_where_nobody_takes_it(
    deliveries, endpoint, tell
):
    assert await deliveries.backlog(NOW, NOW, 100) == NOTHING
    await tell(1, 2, 3)

    assert await deliveries.backlog(NOW, BEFORE, 100) == Backlog(3, NOW, is_left=False)
    assert await deliveries.backlog(SOON, NOW, 2) == Backlog(2, NOW, is_left=True)
    [lane] = await deliveries.take(NOW, SOON, 100)
    assert await deliveries.backlog(NOW, NOW, 100) == Backlog(3, NOW, is_left=False)
    await deliveries.end(lane, SOON)
    assert not (await deliveries.backlog(SOON, NOW, 100)).is_left
    assert (await deliveries.backlog(SOON, SOON, 100)).is_left


async def test_nothing_is_left_of_what_waits_for_an_endpoint_that_is_left_alone(
    deliveries, paused, tell
):
    await tell(1)

    early = paused.paused_until - timedelta(microseconds=1)
    assert not (await deliveries.backlog(SOON, early, 100)).is_left
    assert (await deliveries.backlog(SOON, paused.paused_until, 100)).is_left


async def test_what_failed_waits_from_its_next_time_on(deliveries, endpoint, tell):
    await tell(1)
    [delivery] = await deliveries.due(endpoint, NOW, 100)
    await deliveries.record([delivery.after(FAILED, jitter=0, keep=KEEP)])
    due_at = NOW + timedelta(seconds=5)

    assert await deliveries.backlog(NOW, NOW, 100) == Backlog(1, None, is_left=False)
    assert await deliveries.backlog(due_at, NOW, 100) == Backlog(1, due_at, is_left=False)
    assert await deliveries.backlog(due_at, due_at, 100) == Backlog(1, due_at, is_left=True)


async def test_what_is_sent_once_more_waits_since_no_time(deliveries, endpoint, tell):
    await tell(1)
    [delivery] = await deliveries.due(endpoint, NOW, 100)
    await deliveries.record([delivery.after(TAKEN, jitter=0, keep=KEEP)])
    await deliveries.replay(endpoint.id, delivery.message_id)

    assert await deliveries.backlog(NOW, BEFORE, 100) == Backlog(1, None, is_left=False)


async def test_nothing_waits_for_an_endpoint_that_is_disabled(store, deliveries, endpoint, tell):
    await tell(1)
    async with store.begin() as tx:
        await tx.endpoints.save(endpoint.become(EndpointStatus.DISABLED, NOW))

    assert await deliveries.backlog(SOON, SOON, 100) == NOTHING

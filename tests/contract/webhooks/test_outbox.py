import asyncio
import json
from datetime import timedelta

import pytest

from examples import NOW, an_endpoint
from referral.adapters.postgres.access.standing import FRESH_SECONDS
from referral.adapters.postgres.unit_of_work import PostgresUnitOfWork
from referral.adapters.postgres.webhooks import outbox as outbox_module
from referral.adapters.system import SystemRandomness
from referral.application.pages import ListRequest
from referral.domain.webhooks.delivery import DeliveryStatus
from referral.domain.webhooks.message import Message, MessageType

LATER = NOW + timedelta(seconds=1)


class Stop(Exception):
    """Something went wrong in the middle."""


def a_message(kind=MessageType.CODE_ISSUED, at=NOW, **data):
    return Message(kind, data, at)


async def bodies_of(deliveries, endpoint):
    """What is in `data` of each delivery to the endpoint, newest first."""
    page = await deliveries.page_of(endpoint.id, ListRequest())
    return [json.loads(delivery.body)["data"] for delivery in page.items]


async def test_each_endpoint_gets_the_messages_that_it_hears_of(store, endpoints, deliveries):
    all_codes, issued, rewards = (
        an_endpoint(1, events=("reward.*", "code.*")),
        an_endpoint(2, events=("code.issued",)),
        an_endpoint(3, events=("reward.*",)),
    )
    for endpoint in (all_codes, issued, rewards):
        await endpoints.add(endpoint)

    async with store.begin() as tx:
        await tx.outbox.add(a_message(n=1))
        await tx.outbox.add(a_message(MessageType.CODE_RETIRED, at=LATER, n=2))

    assert [*map(dict.popitem, await bodies_of(deliveries, issued))] == [("n", 1)]
    assert await bodies_of(deliveries, rewards) == []
    retired, first = (await deliveries.page_of(all_codes.id, ListRequest())).items
    assert (first.type, retired.type) == (MessageType.CODE_ISSUED, MessageType.CODE_RETIRED)
    assert (first.status, first.attempts) == (DeliveryStatus.PENDING, 0)
    assert retired.created_at == LATER
    assert json.loads(retired.body) == {
        "type": "code.retired",
        "timestamp": "2030-01-01T00:00:01Z",
        "data": {"n": 2},
    }


async def test_a_message_has_one_id_for_all_endpoints(store, endpoints, deliveries):
    for number in (1, 2):
        await endpoints.add(an_endpoint(number))

    async with store.begin() as tx:
        await tx.outbox.add(a_message(), a_message())

    ids = [
        [d.message_id for d in (await deliveries.page_of(an_endpoint(n).id, ListRequest())).items]
        for n in (1, 2)
    ]
    assert ids[0] == ids[1]
    assert len({*ids[0]}) == 2


async def test_a_message_is_there_when_the_transaction_is_committed_and_only_then(
    store, endpoints, deliveries
):
    await endpoints.add(an_endpoint())

    async def stopping():
        async with store.begin() as tx:
            await tx.outbox.add(a_message(n=1))
            raise Stop

    with pytest.raises(Stop):
        await stopping()
    async with store.begin() as tx:
        await tx.outbox.add(a_message(n=2))
        assert await bodies_of(deliveries, an_endpoint()) == []

    assert await bodies_of(deliveries, an_endpoint()) == [{"n": 2}]


async def test_a_message_that_nobody_hears_is_not_kept(store, endpoints, deliveries):
    gone, off = an_endpoint(1), an_endpoint(2).disabled(NOW, "It is gone.")
    for endpoint in (gone, off):
        await endpoints.add(endpoint)
    await endpoints.delete(gone.id, NOW)

    async with store.begin() as tx:
        await tx.outbox.add(a_message())

    for endpoint in (gone, off):
        assert await bodies_of(deliveries, endpoint) == []


async def test_deliveries_are_listed_newest_first_a_page_at_a_time(store, endpoints, deliveries):
    await endpoints.add(an_endpoint())
    for n in range(5):
        async with store.begin() as tx:
            await tx.outbox.add(a_message(n=n))
            await asyncio.sleep(0.002)  # of two messages of one millisecond either may come first

    walked, cursor = [], None
    while True:
        page = await deliveries.page_of(an_endpoint().id, ListRequest.of(limit=2, cursor=cursor))
        walked.append([json.loads(delivery.body)["data"]["n"] for delivery in page.items])
        cursor = page.next_cursor
        if cursor is None:
            break

    assert walked == [[4, 3], [2, 1], [0]]


async def test_what_may_be_heard_is_known(store, endpoints):
    await endpoints.add(an_endpoint(1, events=("reward.*",)))
    await endpoints.add(an_endpoint(2, events=("code.issued",)))
    await endpoints.add(an_endpoint(3, events=("participant.*",)).disabled(NOW, "It is gone."))

    async with asyncio.timeout(1):
        await refreshed(store)

    assert store.listeners.may_hear(MessageType.REWARD_PAID)
    assert store.listeners.may_hear(MessageType.PARTICIPANT_CREATED, MessageType.CODE_ISSUED)
    assert not store.listeners.may_hear(MessageType.CODE_RETIRED, MessageType.PARTICIPANT_CREATED)


async def refreshed(store):
    if hasattr(store.listeners, "refresh"):
        await store.listeners.refresh()


class Unasked:
    async def execute(self, *_, **__):
        raise AssertionError


async def test_where_nobody_hears_no_query_is_made(store, endpoints, deliveries):
    await endpoints.add(an_endpoint(events=("reward.*",)))
    await refreshed(store)

    async with store.begin() as tx:
        if hasattr(tx.outbox, "queries"):
            object.__setattr__(tx.outbox, "queries", Unasked())
        await tx.outbox.add(a_message())

    assert await bodies_of(deliveries, an_endpoint()) == []


@pytest.fixture
def listeners(database):
    return outbox_module.PostgresListeners(database)


async def test_anything_may_be_heard_until_it_is_known(listeners):
    assert listeners.may_hear(MessageType.CODE_ISSUED)

    await listeners.refresh()

    assert not listeners.may_hear(MessageType.CODE_ISSUED)


async def test_what_was_known_a_second_ago_is_not_believed(listeners, monkeypatch):
    await listeners.refresh()
    later = outbox_module.time.monotonic() + FRESH_SECONDS

    monkeypatch.setattr(outbox_module.time, "monotonic", lambda: later)

    assert listeners.may_hear(MessageType.CODE_ISSUED)


async def test_who_sends_knows_of_a_message_when_it_is_committed(database, listeners):
    unit_of_work = PostgresUnitOfWork(database, listeners, SystemRandomness())

    async def stopping():
        async with unit_of_work.begin() as tx:
            await tx.outbox.add(a_message(n=1))
            raise Stop

    with pytest.raises(Stop):
        await stopping()
    assert not listeners.told.is_set()

    async with unit_of_work.begin() as tx:
        await tx.outbox.add(a_message(n=2))
        assert not listeners.told.is_set()
    assert listeners.told.is_set()

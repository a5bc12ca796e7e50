"""Listing what is sent, sending it once more, and trying an endpoint."""

import asyncio
import json

import pytest

from examples import an_id
from referral.application.webhooks import replay_messages as module
from referral.domain.access.caller import Caller, KeyId, Scope
from referral.domain.access.errors import MissingScope
from referral.domain.errors import InvalidInput
from referral.domain.webhooks.endpoint import EndpointId
from referral.domain.webhooks.errors import EndpointDisabled, EndpointNotFound, MessageNotFound
from referral.domain.webhooks.message import Message, MessageType

URL = "https://shop.example.org/hooks"
READER = Caller(key_id=KeyId(an_id(900)), scopes=frozenset({Scope.WEBHOOKS_READ}))
WRITER = Caller(key_id=KeyId(an_id(901)), scopes=frozenset({Scope.WEBHOOKS_WRITE}))


@pytest.fixture
async def endpoint(create_endpoint):
    made, _ = await create_endpoint(url=URL, events=["code.*"])
    return made


@pytest.fixture
def deliver(deliver_messages):
    async def deliver():
        await asyncio.gather(*await deliver_messages())

    return deliver


@pytest.fixture
async def sent(endpoint, store, clock, deliver, sender):
    """Five messages, a minute apart, which were delivered."""
    for n in range(5):
        async with store.begin() as tx:
            await tx.outbox.add(Message(MessageType.CODE_ISSUED, {"n": n}, clock.now()))
        clock.advance(minutes=1)
    await deliver()
    first, sender.sent = sender.sent, []
    return first


def numbers_in(sent):
    return [json.loads(body)["data"]["n"] for _, _, body in sent]


async def test_what_was_sent_since_a_time_is_sent_once_more_in_order_under_its_ids(
    endpoint, sent, replay_messages, deliver, sender
):
    replayed = await replay_messages(endpoint_id=endpoint.id, since="2030-01-01T00:01:00Z")
    await deliver()

    assert (replayed.count, replayed.next_cursor) == (4, None)
    assert numbers_in(sender.sent) == [1, 2, 3, 4]
    ids = [headers["webhook-id"] for _, headers, _ in sent]
    assert [headers["webhook-id"] for _, headers, _ in sender.sent] == ids[1:]


async def test_a_replay_ends_before_a_time(endpoint, sent, replay_messages, deliver, sender):
    await replay_messages(
        endpoint_id=endpoint.id, since="2030-01-01T00:01:00Z", until="2030-01-01T00:03:00Z"
    )
    await deliver()

    assert numbers_in(sender.sent) == [1, 2]


async def test_a_replay_of_what_failed_leaves_out_what_was_delivered(
    endpoint, sent, replay_messages
):
    replayed = await replay_messages(
        endpoint_id=endpoint.id, since="2030-01-01T00:00:00Z", only_failed=True
    )

    assert replayed.count == 0


async def test_a_long_replay_is_done_in_shares(
    *, endpoint, sent, replay_messages, deliver, sender, monkeypatch
):
    monkeypatch.setattr(module, "SHARE", 2)
    counts, cursor = [], None
    for _ in range(3):  # each goes on after the last, whatever became of that meanwhile
        share = await replay_messages(
            endpoint_id=endpoint.id, since="2030-01-01T00:00:00Z", cursor=cursor
        )
        counts.append(share.count)
        cursor = share.next_cursor
        await deliver()

    assert (counts, cursor) == ([2, 2, 1], None)
    assert numbers_in(sender.sent) == [0, 1, 2, 3, 4]


async def test_what_of_a_replay_still_waits_is_counted(
    *, endpoint, sent, replay_messages, count_waiting, deliver, clock
):
    since = "2030-01-01T00:01:00Z"
    replayed = await replay_messages(endpoint_id=endpoint.id, since=since)
    of_it = {"endpoint_id": endpoint.id, "since": since, "until": replayed.until, "most": 100}

    assert replayed.until == clock.now()
    assert await count_waiting(**of_it) == replayed.count == 4
    await deliver()
    assert await count_waiting(**of_it) == 0
    with pytest.raises(InvalidInput) as refused:
        await count_waiting(**{**of_it, "since": "yesterday", "until": "now"})
    assert [v.field for v in refused.value.violations] == ["from", "to"]


async def test_all_that_is_wrong_with_a_replay_is_told_at_once(endpoint, replay_messages):
    for cursor in (0, 2**128):
        with pytest.raises(InvalidInput) as refused:
            await replay_messages(
                endpoint_id=endpoint.id, since="yesterday", until="now", cursor=cursor
            )
        assert [v.field for v in refused.value.violations] == ["from", "to", "cursor"]
        assert refused.value.violations[-1].detail == (
            "A cursor is the `next_cursor` of an earlier answer."
        )
    for cursor in (1, 2**128 - 1):
        last = await replay_messages(
            endpoint_id=endpoint.id, since="2030-01-01T00:00:00Z", cursor=cursor
        )
        assert last.count == 0


async def test_one_message_is_sent_once_more(endpoint, sent, replay_message, deliver, sender):
    wanted = sent[2][1]["webhook-id"]

    await replay_message(endpoint_id=endpoint.id, message=wanted)
    await deliver()

    assert numbers_in(sender.sent) == [2]


@pytest.mark.parametrize("message", ["", "no id", str(an_id(404))])
async def test_a_message_that_was_never_sent_is_not_sent_again(endpoint, replay_message, message):
    with pytest.raises(MessageNotFound):
        await replay_message(endpoint_id=endpoint.id, message=message)


async def test_what_was_sent_is_listed_by_its_status(endpoint, sent, list_deliveries):
    page = await list_deliveries(endpoint_id=endpoint.id, status="delivered", limit=2)
    rest = await list_deliveries(
        endpoint_id=endpoint.id, status="delivered", cursor=page.next_cursor
    )

    assert [json.loads(d.body)["data"]["n"] for d in (*page.items, *rest.items)] == [4, 3, 2, 1, 0]
    assert (await list_deliveries(endpoint_id=endpoint.id, status="failed")).items == []
    assert len((await list_deliveries(endpoint_id=endpoint.id)).items) == 5
    with pytest.raises(InvalidInput, match="A status is one of pending, delivered, failed") as lost:
        await list_deliveries(endpoint_id=endpoint.id, status="lost")
    assert [v.field for v in lost.value.violations] == ["status"]


async def test_an_endpoint_is_tried_with_a_message_that_tells_of_nothing(
    *, endpoint, create_endpoint, try_endpoint, deliver, sender
):
    await create_endpoint(url="https://example.net/", events=["code.*"])

    await try_endpoint(endpoint_id=endpoint.id)
    await deliver()

    [(url, _, body)] = sender.sent
    assert url == URL
    assert json.loads(body) == {
        "type": "webhook.test",
        "timestamp": "2030-01-01T00:00:00Z",
        "data": {"endpoint_id": str(endpoint.id)},
    }


async def test_a_disabled_endpoint_is_sent_nothing_on_demand_either(
    *, endpoint, sent, change_endpoint, try_endpoint, replay_message, replay_messages
):
    await change_endpoint(endpoint_id=endpoint.id, status="disabled")

    with pytest.raises(EndpointDisabled):
        await try_endpoint(endpoint_id=endpoint.id)
    with pytest.raises(EndpointDisabled):
        await replay_message(endpoint_id=endpoint.id, message=sent[0][1]["webhook-id"])
    with pytest.raises(EndpointDisabled):
        await replay_messages(endpoint_id=endpoint.id, since="2030-01-01T00:00:00Z")


async def test_each_call_needs_its_scope_and_an_endpoint(
    *, endpoint, list_deliveries, try_endpoint, replay_message, replay_messages, count_waiting
):
    await list_deliveries(endpoint_id=endpoint.id, caller=READER)
    await try_endpoint(endpoint_id=endpoint.id, caller=WRITER)
    nobodys = EndpointId(an_id(404))
    for call, given in (
        (try_endpoint, {}),
        (replay_message, {"message": "1"}),
        (replay_messages, {"since": "2030-01-01T00:00:00Z"}),
    ):
        with pytest.raises(MissingScope, match="webhooks:write"):
            await call(endpoint_id=endpoint.id, caller=READER, **given)
        with pytest.raises(EndpointNotFound):
            await call(endpoint_id=nobodys, **given)
    with pytest.raises(MissingScope, match="webhooks:read"):
        await list_deliveries(endpoint_id=endpoint.id, caller=Caller())
    with pytest.raises(EndpointNotFound):
        await list_deliveries(endpoint_id=nobodys)
    day = {"since": "2030-01-01T00:00:00Z", "until": "2030-01-02T00:00:00Z", "most": 1}
    with pytest.raises(MissingScope, match="webhooks:read"):
        await count_waiting(endpoint_id=endpoint.id, caller=Caller(), **day)
    with pytest.raises(EndpointNotFound):
        await count_waiting(endpoint_id=nobodys, **day)


async def test_what_is_sent_on_demand_is_recorded(
    *, endpoint, sent, try_endpoint, replay_message, replay_messages, audit_log
):
    await try_endpoint(endpoint_id=endpoint.id, caller=WRITER)
    await replay_message(endpoint_id=endpoint.id, message=sent[0][1]["webhook-id"], caller=WRITER)
    await replay_messages(endpoint_id=endpoint.id, since="2030-01-01T00:00:00Z", caller=WRITER)

    by = {"key_id": WRITER.key_id, "endpoint_id": endpoint.id, "outcome": "done"}
    assert audit_log.deeds[-3:] == [
        {"action": action, **by} for action in ("try-endpoint", "replay-message", "replay-messages")
    ]

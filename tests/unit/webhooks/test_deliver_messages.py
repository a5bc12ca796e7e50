"""Sending what is due, on fakes."""

import asyncio
import json
from datetime import timedelta

import pytest
from standardwebhooks import Webhook

from fakes import FakeSealing
from referral.application.pages import ListRequest
from referral.application.webhooks import deliver_messages as module
from referral.application.webhooks.ports import Answer
from referral.domain.webhooks.delivery import DeliveryStatus
from referral.domain.webhooks.endpoint import EndpointStatus
from referral.domain.webhooks.errors import MessageNotFound
from referral.domain.webhooks.message import Message, MessageType

URL = "https://shop.example.org/hooks"


@pytest.fixture
def make(create_endpoint):
    async def make(url=URL):
        return await create_endpoint(url=url, events=["code.*"])

    return make


@pytest.fixture
def tell(store, clock):
    async def tell(*numbers):
        async with store.begin() as tx:
            for number in numbers:
                await tx.outbox.add(Message(MessageType.CODE_ISSUED, {"n": number}, clock.now()))

    return tell


@pytest.fixture
def deliver(deliver_messages):
    """Send what is due, and tell to how many endpoints."""

    async def deliver():
        lanes = await deliver_messages()
        await asyncio.gather(*lanes)
        return len(lanes)

    return deliver


@pytest.fixture
def deliveries_of(store):
    async def deliveries_of(endpoint):
        page = await store.deliveries.page_of(endpoint.id, ListRequest(limit=100))
        return [*reversed(page.items)]

    return deliveries_of


def numbers_in(sent):
    return [json.loads(body)["data"]["n"] for _, _, body in sent]


def answering(status, text="", retry_after=None):
    async def answer():
        return Answer(status, text, retry_after)

    return answer


async def test_a_message_is_sent_signed_and_recorded(
    *, make, tell, deliver, deliveries_of, sender, clock
):
    endpoint, secret = await make()
    await tell(1)
    sender.answers[URL] = answering(202, "thanks")

    assert await deliver() == 1

    [(url, headers, body)] = sender.sent
    [delivery] = await deliveries_of(endpoint)
    assert url == URL
    assert headers["content-type"] == "application/json"
    assert headers["webhook-id"] == str(delivery.message_id)
    assert headers["webhook-timestamp"] == str(int(clock.now().timestamp()))
    assert headers["webhook-signature"] == Webhook(secret).sign(
        headers["webhook-id"], clock.now(), body
    )
    assert (delivery.status, delivery.attempts) == (DeliveryStatus.DELIVERED, 1)
    assert (delivery.last_status, delivery.last_answer) == (202, "thanks")
    assert delivery.expires_at == clock.now() + timedelta(days=30)
    assert await deliver() == 0


async def test_for_a_day_after_a_rotation_both_secrets_sign(
    *, make, tell, deliver, sender, rotate_secret, clock
):
    endpoint, old = await make()
    _, new = await rotate_secret(endpoint_id=endpoint.id)
    for hours in (0, 24):
        clock.advance(hours=hours)
        await tell(hours)
        await deliver()

    (_, during, body), (_, after, later) = sender.sent
    ids = [headers["webhook-id"] for headers in (during, after)]
    now = clock.now()
    assert during["webhook-signature"].split(" ") == [
        Webhook(secret).sign(ids[0], now - timedelta(hours=24), body) for secret in (new, old)
    ]
    assert after["webhook-signature"] == Webhook(new).sign(ids[1], now, later)


async def test_messages_are_sent_in_the_order_in_which_they_were_written(
    make, tell, deliver, sender
):
    await make()
    await tell(*range(250))

    await deliver()

    assert numbers_in(sender.sent) == [*range(250)]


async def test_a_message_that_fails_is_tried_again_with_the_same_id(
    *, make, tell, deliver, deliveries_of, sender, clock
):
    endpoint, _ = await make()
    await tell(1)
    sender.answers[URL] = answering(500, "Oops")
    await deliver()

    [delivery] = await deliveries_of(endpoint)
    assert (delivery.status, delivery.attempts) == (DeliveryStatus.PENDING, 1)
    assert timedelta(seconds=5) <= delivery.next_attempt_at - clock.now() <= timedelta(seconds=5.5)
    assert (delivery.last_status, delivery.last_answer) == (500, "Oops")
    assert await deliver() == 0

    clock.advance(seconds=6)
    sender.answers[URL] = answering(200)
    assert await deliver() == 1
    [delivery] = await deliveries_of(endpoint)
    assert (delivery.status, delivery.attempts) == (DeliveryStatus.DELIVERED, 2)
    assert len({headers["webhook-id"] for _, headers, _ in sender.sent}) == 1


async def test_what_sends_is_prepared_once_there_is_an_endpoint_and_before_a_message(
    make, deliver, sender
):
    await deliver()
    assert not sender.is_prepared

    await make()
    await deliver()
    assert sender.is_prepared


async def test_what_becomes_of_each_attempt_is_noted(make, tell, deliver_messages, sender):
    await make()
    await tell(1, 2)
    noted = []

    for answer in (answering(200), answering(410)):
        sender.answers[URL] = answer
        for lane in await deliver_messages(noted.append):
            await lane
        await tell(3)

    assert [delivery.status.value for delivery in noted] == ["delivered", "delivered", "failed"]


async def test_an_endpoint_that_fails_is_left_alone_before_the_next_message(
    *, make, tell, deliver, sender, clock, show_endpoint
):
    endpoint, _ = await make()
    await tell(1, 2)
    sender.answers[URL] = answering(None, "There was no answer within 15 seconds.")

    await deliver()
    assert numbers_in(sender.sent) == [1]
    assert await deliver() == 0
    clock.advance(seconds=1)
    await deliver()

    assert numbers_in(sender.sent) == [1, 2]
    failing = await show_endpoint(endpoint_id=endpoint.id)
    assert (failing.failures, failing.failing_since) == (2, clock.now() - timedelta(seconds=1))
    clock.advance(seconds=6)
    sender.answers.clear()
    await deliver()
    assert await show_endpoint(endpoint_id=endpoint.id) == endpoint


async def test_an_endpoint_that_refuses_some_messages_and_takes_others_is_no_failing_one(
    *, make, tell, deliver, sender, clock, show_endpoint
):
    endpoint, _ = await make()

    async def refusing():
        return Answer(500 if numbers_in(sender.sent)[-1] == "refused" else 200, "")

    sender.answers[URL] = refusing
    for _ in range(3):
        await tell("taken", "taken too", "refused")
        await deliver()
        clock.advance(seconds=1)

    assert numbers_in(sender.sent).count("taken") == 3
    failing = await show_endpoint(endpoint_id=endpoint.id)
    assert (failing.failures, failing.failing_since) == (1, clock.now() - timedelta(seconds=1))


async def test_an_endpoint_that_asks_for_time_is_left_alone_so_long(
    make, tell, deliver, sender, clock
):
    await make()
    await tell(1, 2)
    sender.answers[URL] = answering(429, retry_after=timedelta(minutes=10))
    await deliver()

    clock.advance(minutes=10, microseconds=-1)
    assert await deliver() == 0
    clock.advance(microseconds=1)
    assert await deliver() == 1


@pytest.mark.parametrize("lifted_by", ["another URL", "being enabled again", "a test", "a replay"])
async def test_an_endpoint_that_is_left_alone_is_sent_to_as_soon_as_somebody_has_mended_it(
    *,
    make,
    tell,
    deliver,
    sender,
    change_endpoint,
    try_endpoint,
    replay_messages,
    lifted_by,
):
    endpoint, _ = await make()
    await tell(1, 2)
    sender.answers[URL] = answering(503, retry_after=timedelta(days=1))
    await deliver()
    assert await deliver() == 0
    sender.answers.clear()

    match lifted_by:
        case "another URL":
            await change_endpoint(endpoint_id=endpoint.id, url="https://example.net/")
        case "being enabled again":
            for status in ("disabled", "active"):
                await change_endpoint(endpoint_id=endpoint.id, status=status)
        case "a test":
            await try_endpoint(endpoint_id=endpoint.id)
        case _:
            await replay_messages(endpoint_id=endpoint.id, since="2030-01-01T00:00:00Z")

    assert await deliver() == 1
    assert numbers_in(sender.sent[:2]) == [1, 2]


async def test_one_message_that_is_replayed_is_sent_at_once_to_an_endpoint_that_is_left_alone(
    *, make, tell, deliver, deliveries_of, sender, replay_message
):
    endpoint, _ = await make()
    await tell(1)
    sender.answers[URL] = answering(503, retry_after=timedelta(days=1))
    await deliver()
    [failed] = await deliveries_of(endpoint)
    with pytest.raises(MessageNotFound):
        await replay_message(endpoint_id=endpoint.id, message=str(endpoint.id))
    assert await deliver() == 0

    await replay_message(endpoint_id=endpoint.id, message=str(failed.message_id))

    assert await deliver() == 1


async def test_at_another_address_an_endpoint_has_five_days_again(
    *, make, tell, deliver, sender, clock, change_endpoint
):
    endpoint, _ = await make()
    elsewhere = "https://example.net/"
    sender.answers = {url: answering(500) for url in (URL, elsewhere)}
    for day in range(5):
        await tell(day)
        await deliver()
        clock.advance(days=1)

    await change_endpoint(endpoint_id=endpoint.id, url=elsewhere)
    await deliver()

    moved = await change_endpoint(endpoint_id=endpoint.id)
    assert sender.sent[-1][0] == elsewhere
    assert (moved.status, moved.failures) == (EndpointStatus.ACTIVE, 1)


async def test_a_change_of_anything_else_leaves_an_endpoint_alone(
    *, make, tell, deliver, sender, change_endpoint
):
    endpoint, _ = await make()
    await tell(1, 2)
    sender.answers[URL] = answering(503, retry_after=timedelta(days=1))
    await deliver()

    await change_endpoint(endpoint_id=endpoint.id, url=URL, description="Points", status="active")

    assert await deliver() == 0


async def test_an_endpoint_that_is_gone_is_disabled_and_sent_nothing(
    *, make, tell, deliver, deliveries_of, sender, clock, show_endpoint
):
    endpoint, _ = await make()
    await tell(1, 2)
    sender.answers[URL] = answering(410)

    await deliver()

    disabled = await show_endpoint(endpoint_id=endpoint.id)
    assert (disabled.status.value, disabled.disabled_because) == (
        "disabled",
        "It answered 410 Gone.",
    )
    assert [d.status.value for d in await deliveries_of(endpoint)] == ["failed", "pending"]
    clock.advance(days=1)
    assert await deliver() == 0
    await tell(3)
    assert len(await deliveries_of(endpoint)) == 2


async def test_what_waited_for_an_endpoint_is_sent_when_it_is_enabled(
    *, make, tell, deliver, sender, change_endpoint
):
    endpoint, _ = await make()
    await tell(1)
    await change_endpoint(endpoint_id=endpoint.id, status="disabled")
    assert await deliver() == 0

    await change_endpoint(endpoint_id=endpoint.id, status="active")

    await deliver()
    assert numbers_in(sender.sent) == [1]


async def test_no_endpoint_waits_for_another(*, make, tell, deliver_messages, sender):
    await make("https://slow.example.org/")
    await make("https://good.example.org/")
    await tell(1)
    goes_on = asyncio.Event()

    async def slowly():
        await goes_on.wait()
        return Answer(200, "")

    sender.answers["https://slow.example.org/"] = slowly
    slow, good = [asyncio.create_task(lane) for lane in await deliver_messages()]
    await good

    assert not slow.done()
    await tell(2)
    [again] = await deliver_messages()
    await again
    assert [url for url, *_ in sender.sent].count("https://good.example.org/") == 2
    goes_on.set()
    await slow


async def test_one_process_at_a_time_sends_to_an_endpoint_until_its_lane_ends(
    *, make, tell, deliver_messages, sender, clock
):
    await make()
    await tell(1)
    [abandoned] = await deliver_messages()
    assert await deliver_messages() == []
    clock.advance(seconds=60)

    [lane] = await deliver_messages()

    await lane
    assert numbers_in(sender.sent) == [1]
    await abandoned
    assert numbers_in(sender.sent) == [1]


async def test_a_turn_ends_though_there_is_more_to_send(*, make, tell, deliver, sender, clock):
    await make()
    await tell(1, 2, 3, 4)

    async def slowly():
        clock.advance(seconds=5)
        return Answer(200, "")

    sender.answers[URL] = slowly
    await deliver()
    assert numbers_in(sender.sent) == [1, 2]
    await deliver()
    assert numbers_in(sender.sent) == [1, 2, 3, 4]


async def test_a_process_that_is_told_to_stop_stores_what_it_sent(
    *, make, tell, deliver_messages, deliveries_of, sender
):
    endpoint, _ = await make()
    await tell(1, 2)
    waits = asyncio.Event()

    async def once_only():
        if len(sender.sent) == 2:
            waits.set()
            await asyncio.Event().wait()
        return Answer(200, "")

    sender.answers[URL] = once_only
    [lane] = map(asyncio.create_task, await deliver_messages())
    await waits.wait()
    lane.cancel()
    await asyncio.gather(lane, return_exceptions=True)

    assert [d.status.value for d in await deliveries_of(endpoint)] == ["delivered", "pending"]
    sender.answers.clear()
    [lane] = await deliver_messages()
    await lane
    assert numbers_in(sender.sent) == [1, 2, 2]


async def test_an_endpoint_that_is_deleted_meanwhile_is_no_error(
    *, make, tell, deliver, sender, delete_endpoint
):
    endpoint, _ = await make()
    await tell(1)

    async def deleting():
        await delete_endpoint(endpoint_id=endpoint.id)
        return Answer(500, "")

    sender.answers[URL] = deleting

    assert await deliver() == 1
    assert await deliver() == 0


@pytest.mark.parametrize("fate", ["moved", "disabled", "deleted"])
async def test_a_change_of_an_endpoint_counts_within_a_second_though_there_is_more_to_send(
    *, make, tell, deliver, sender, clock, change_endpoint, delete_endpoint, fate
):
    endpoint, _ = await make()
    await tell(*range(9))

    async def slowly():
        clock.advance(seconds=0.5)
        if len(sender.sent) == 3 and fate == "moved":
            await change_endpoint(endpoint_id=endpoint.id, url="https://example.net/")
        elif len(sender.sent) == 3 and fate == "disabled":
            await change_endpoint(endpoint_id=endpoint.id, status="disabled")
        elif len(sender.sent) == 3:
            await delete_endpoint(endpoint_id=endpoint.id)
        return Answer(200, "")

    sender.answers[URL] = slowly
    await deliver()

    assert [url for url, *_ in sender.sent] == [URL] * 4
    await deliver()
    assert numbers_in(sender.sent[4:]) == ([*range(4, 9)] if fate == "moved" else [])


@pytest.mark.parametrize("status", [410, 500])
async def test_what_the_old_address_answers_says_nothing_of_the_new_one(
    *, make, tell, deliver, sender, change_endpoint, show_endpoint, status
):
    endpoint, _ = await make()
    await tell(1, 2)

    async def moving():
        await change_endpoint(endpoint_id=endpoint.id, url="https://example.net/")
        return Answer(status, "")

    sender.answers[URL] = moving
    await deliver()

    moved = await show_endpoint(endpoint_id=endpoint.id)
    assert (moved.status, moved.failures) == (EndpointStatus.ACTIVE, 0)
    await deliver()
    assert sender.sent[-1][0] == moved.url


async def test_who_disables_an_endpoint_is_not_overruled_by_what_it_answers(
    *, make, tell, deliver, sender, change_endpoint, show_endpoint
):
    endpoint, _ = await make()
    await tell(1)

    async def disabling():
        await change_endpoint(endpoint_id=endpoint.id, status="disabled")
        return Answer(410, "")

    sender.answers[URL] = disabling
    await deliver()

    disabled = await show_endpoint(endpoint_id=endpoint.id)
    assert disabled.disabled_because == "It was disabled by hand."


async def test_an_endpoint_whose_secret_cannot_be_opened_is_disabled(
    *, make, tell, container, sender, show_endpoint, deliver_messages, rotate_secret
):
    endpoint, _ = await make()
    await tell(1)
    object.__setattr__(deliver_messages, "sealing", FakeSealing("another"))

    for lane in await deliver_messages():
        await lane

    disabled = await show_endpoint(endpoint_id=endpoint.id)
    assert disabled.status is EndpointStatus.DISABLED
    assert disabled.disabled_because == "Its secret cannot be opened any more; give it another one."
    assert sender.sent == []


def test_a_lease_outlasts_a_turn_and_the_longest_answer():
    assert timedelta(seconds=30) < module.LEASE - module.TURN

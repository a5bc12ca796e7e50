"""What operators are told of delivery, on fakes."""

from datetime import timedelta

import pytest

from referral.application.webhooks.ports import Answer
from referral.domain.webhooks.message import Message, MessageType
from referral.entrypoints.http.api.delivery_health import DeliveryHealth


@pytest.fixture
def health(show_backlog, clock):
    return DeliveryHealth(show_backlog, clock.now)


@pytest.fixture
def told_one(store, create_endpoint, clock):
    async def told_one():
        await create_endpoint(url="https://shop.example.org/hooks", events=["code.*"])
        async with store.begin() as tx:
            await tx.outbox.add(Message(MessageType.CODE_ISSUED, {"n": 1}, clock.now()))

    return told_one


async def test_delivery_stands_still_when_what_is_due_is_left_twice_in_a_row(
    *, health, told_one, deliver_messages, clock
):
    await told_one()
    clock.advance(minutes=5)
    await health.look()
    assert not health.stands_still

    await health.look()
    assert health.stands_still

    for lane in await deliver_messages():
        await lane
    await health.look()
    assert not health.stands_still


async def test_delivery_goes_on_while_what_is_due_is_not_left_for_long(health, told_one, clock):
    await told_one()
    clock.advance(minutes=5, microseconds=-1)
    for _ in range(3):
        await health.look()
        assert not health.stands_still


async def test_an_endpoint_that_is_left_alone_is_no_matter_of_delivery(
    *, health, told_one, deliver_messages, clock, sender
):
    await told_one()
    sender.answers["https://shop.example.org/hooks"] = asking_for_a_day
    for lane in await deliver_messages():
        await lane
    clock.advance(hours=23)
    for _ in range(3):
        await health.look()
        assert not health.stands_still


async def asking_for_a_day():
    return Answer(503, "", timedelta(days=1))


async def test_metrics_tell_what_waits_and_for_how_long(health, told_one, clock):
    assert health.metrics() == b""
    await told_one()
    await health.look()
    clock.advance(seconds=3)

    lines = health.metrics().decode().splitlines()

    assert "referral_webhook_backlog 1.0" in lines
    assert "referral_webhook_oldest_due_seconds 3.0" in lines

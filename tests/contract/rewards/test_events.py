import pytest

from concurrency import outcomes_of
from examples import NOW
from referral.application.rewards.ports import RecordedEvent
from referral.domain.rewards.errors import EventDiffers
from referral.domain.rewards.event import Amount, EventId, NewEvent


def an_event(whose, event_id="1", source="shop", **more):
    return NewEvent(
        source=source,
        id=EventId(event_id),
        type="purchase",
        participant_id=whose.id,
        occurred_at=NOW,
        **{"amount": Amount(2500, "EUR"), "metadata": {"order": "é"}, **more},
    )


@pytest.fixture
def add(events):
    """Store an event, of one digest."""

    async def add(*event, **more):
        return await events.add(an_event(*event, **more), b"digest", NOW)

    return add


async def test_a_stored_event_is_found_and_has_a_number(events, add, ann):
    first = await add(ann)

    assert first == an_event(ann).numbered(first.number)
    assert await events.find("shop", EventId("1")) == RecordedEvent(first, b"digest", ())
    assert await events.of(ann.id) == [first]


async def test_one_without_amount_is_found_too(events, add, ann):
    plain = await add(ann, amount=None, metadata={})

    assert await events.of(ann.id) == [plain]


async def test_a_refund_is_among_the_events(events, add, ann):
    first = await add(ann)
    refund = await add(ann, "2", of=EventId("1"), amount=Amount(1, "EUR"))

    assert first.number < refund.number
    assert await events.of(ann.id) == [first, refund]


async def test_ids_are_those_of_one_source(events, add, ann, bob):
    await add(ann)
    await add(bob, source="other")

    assert await events.find("third", EventId("1")) is None
    assert [event.source for event in await events.of(bob.id)] == ["other"]


async def test_an_id_is_taken_once(events, add, ann, bob):
    await add(ann)

    with pytest.raises(EventDiffers):
        await add(bob)

    assert await events.of(bob.id) == []


async def test_of_many_at_once_one_is_stored(add, ann, bob):
    outcomes = await outcomes_of(add(who) for who in (ann, bob) * 5)

    assert outcomes == {"done": 1, "EventDiffers": 9}


async def test_the_metadata_of_one_person_is_forgotten(events, add, ann, bob):
    await add(ann)
    await add(bob, "2")

    await events.forget_metadata(ann.id)

    assert [event.metadata for event in await events.of(ann.id)] == [{}]
    assert [event.metadata for event in await events.of(bob.id)] == [{"order": "é"}]

from dataclasses import replace

import pytest

from concurrency import outcomes_of
from examples import NOW
from referral.application.rewards.ports import RecordedEvent
from referral.domain.programs.referral import ReferralStatus
from referral.domain.rewards.errors import EventDiffers
from referral.domain.rewards.event import Amount, Event, EventId
from referral.domain.rewards.qualification import Decision, Reason


def recorded(whose, event_id="1", source="shop", **more):
    event = Event(
        source=source,
        id=EventId(event_id),
        type="purchase",
        participant_id=whose.id,
        occurred_at=NOW,
        **{"amount": Amount(2500, "EUR"), "metadata": {"order": "é"}, **more},
    )
    decision = Decision("qualification", ReferralStatus.QUALIFIED, Reason.QUALIFIED)
    return RecordedEvent(event, b"digest", ReferralStatus.QUALIFIED, (decision,))


async def test_a_stored_event_is_found_with_what_came_of_it(events, ann):
    first = recorded(ann)
    await events.add(first)

    assert await events.find("shop", EventId("1")) == first
    assert await events.of(ann.id) == [first.event]


async def test_one_without_amount_and_without_a_referral_is_found_too(events, ann):
    plain = replace(recorded(ann, amount=None, metadata={}), status=None, decisions=())
    await events.add(plain)

    assert await events.find("shop", EventId("1")) == plain


async def test_a_refund_is_among_the_events(events, ann):
    first = recorded(ann)
    refund = recorded(ann, "2", of=EventId("1"), amount=Amount(1, "EUR"))
    await events.add(first)
    await events.add(refund)

    assert sorted(await events.of(ann.id), key=lambda e: e.id.value) == [first.event, refund.event]


async def test_ids_are_those_of_one_source(events, ann, bob):
    await events.add(recorded(ann))
    await events.add(recorded(bob, source="other"))

    assert await events.find("third", EventId("1")) is None
    assert [event.source for event in await events.of(bob.id)] == ["other"]


async def test_an_id_is_taken_once(events, ann, bob):
    await events.add(recorded(ann))

    with pytest.raises(EventDiffers):
        await events.add(recorded(bob))

    assert await events.of(bob.id) == []


async def test_of_many_at_once_one_is_stored(events, ann, bob):
    outcomes = await outcomes_of(events.add(recorded(who)) for who in (ann, bob) * 5)

    assert outcomes == {"done": 1, "EventDiffers": 9}


async def test_the_metadata_of_one_person_is_forgotten(events, ann, bob):
    await events.add(recorded(ann))
    await events.add(recorded(bob, "2"))

    await events.forget_metadata(ann.id)

    assert [event.metadata for event in await events.of(ann.id)] == [{}]
    assert [event.metadata for event in await events.of(bob.id)] == [{"order": "é"}]

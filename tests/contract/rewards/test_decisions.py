from datetime import timedelta
from uuid import UUID

from examples import NOW, an_id
from referral.application.rewards.ports import MadeDecision
from referral.domain.programs.terms import TermsVersion
from referral.domain.rewards.decision import Decision, Outcome, Reason
from referral.domain.rewards.event import EventId, NewEvent

QUALIFIED = Decision(
    rule="qualification",
    outcome="qualified",
    reason=Reason.QUALIFIED,
    inputs={"event": "é", "amount": 2500, "per_days": None},
)
REWARDED = Decision(
    rule="thanks", outcome=Outcome.REWARDED, reason=Reason.EARNED, reward_id=UUID(int=1)
)


def made(referral, decision, *, hours=0, event=None):
    at = NOW + timedelta(hours=hours)
    return MadeDecision(referral.referee_id, TermsVersion(1), decision, at, event)


async def test_decisions_are_found_in_their_order_until_a_time(decisions, referral):
    first, second = made(referral, QUALIFIED), made(referral, REWARDED)
    third = made(referral, REWARDED, hours=1)
    await decisions.add([first, second])
    await decisions.add([third])

    assert await decisions.of(referral.referee_id, NOW) == [first, second]
    assert await decisions.of(referral.referee_id, third.at) == [first, second, third]
    assert await decisions.of(referral.referee_id, NOW - timedelta(hours=1)) == []
    assert await decisions.of(an_id(404), third.at) == []


async def test_an_event_is_found_with_the_decisions_that_came_of_it(
    events, decisions, referral, bob
):
    told = NewEvent(
        source="shop",
        id=EventId("1"),
        type="purchase",
        participant_id=bob.id,
        occurred_at=NOW,
        metadata={},
    )
    event = await events.add(told, b"digest", NOW)
    await decisions.add(
        [
            made(referral, QUALIFIED, event=event.number),
            made(referral, REWARDED, event=event.number),
        ]
    )
    later = (None, event.number)
    await decisions.add([made(referral, REWARDED, hours=1, event=cause) for cause in later])

    recorded = await events.find("shop", EventId("1"))

    assert recorded.decisions == (QUALIFIED, REWARDED)
    assert recorded.status == "qualified"

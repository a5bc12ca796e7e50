"""Whether a referral qualifies is a question of its terms and its events, and of nothing else."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples import NOW, an_id
from referral.domain.programs.referral import ReferralStatus
from referral.domain.programs.terms import Qualification, Terms
from referral.domain.rewards.decision import Reason
from referral.domain.rewards.event import Amount, Event, EventId, EventNumber
from referral.domain.rewards.judgement import judge
from referral.domain.rewards.qualification import (
    Facts,
    Standing,
    left_of,
    refunds,
    standing,
)

SIGNED_UP, QUALIFIED, REJECTED, EXPIRED = ReferralStatus
A_PURCHASE = Qualification(event="purchase")
OF_20_EUR = Qualification(event="purchase", min_amount=2000, unit="EUR")
WITHIN_A_WEEK = Qualification(event="purchase", within_days=7)
FACTS = Facts(referred_at=NOW, status=SIGNED_UP, qualified_at=None, is_over=False)


def an_event(number=1, *, days=1.0, cents=None, unit="EUR", of=None, source="shop", kind=None):
    return Event(
        number=EventNumber(number),
        source=source,
        id=EventId(str(number)),
        type=kind or ("refund" if of else "purchase"),
        participant_id=an_id(1),
        occurred_at=NOW + timedelta(days=days),
        amount=None if cents is None else Amount(cents, unit),
        of=EventId(str(of)) if of else None,
        metadata={},
    )


def judged(terms, *events, facts=FACTS, days=2.0):
    now = NOW + timedelta(days=days)
    judgement = judge(Terms(qualification=terms), facts, events, (), now)
    after, [decision] = judgement.standing, judgement.decisions
    assert decision.outcome == after.status
    assert decision.rule == "qualification"
    return after, decision.reason


def test_the_event_that_the_terms_name_qualifies_at_its_time():
    assert judged(A_PURCHASE, an_event()) == (
        Standing(QUALIFIED, NOW + timedelta(days=1)),
        Reason.QUALIFIED,
    )


@pytest.mark.parametrize(
    ("terms", "event", "reason"),
    [
        (A_PURCHASE, an_event(kind="visit"), Reason.OTHER_TYPE),
        (OF_20_EUR, an_event(), Reason.NO_AMOUNT),
        (OF_20_EUR, an_event(cents=2000, unit="USD"), Reason.OTHER_UNIT),
        (OF_20_EUR, an_event(cents=1999), Reason.AMOUNT_TOO_SMALL),
        (A_PURCHASE, an_event(days=-0.01), Reason.BEFORE_REFERRAL),
        (WITHIN_A_WEEK, an_event(days=7.01), Reason.TOO_LATE),
        (replace(A_PURCHASE, count=2), an_event(), Reason.COUNT_NOT_REACHED),
    ],
)
def test_an_event_that_does_not_meet_the_terms_is_told_why(terms, event, reason):
    assert judged(terms, event) == (Standing(SIGNED_UP), reason)


@pytest.mark.parametrize(
    ("terms", "event"),
    [
        (OF_20_EUR, an_event(cents=2000)),
        (A_PURCHASE, an_event(cents=0)),
        (WITHIN_A_WEEK, an_event(days=7)),
        (A_PURCHASE, an_event(days=-5 / 24 / 60)),
    ],
)
def test_one_that_just_meets_the_terms_qualifies(terms, event):
    assert judged(terms, event) == (Standing(QUALIFIED, event.occurred_at), Reason.QUALIFIED)


def test_the_event_that_completes_the_count_tells_when():
    terms = replace(A_PURCHASE, count=2)

    late, early = an_event(1, days=1.5), an_event(2, days=1)

    assert judged(terms, late, early) == (Standing(QUALIFIED, late.occurred_at), Reason.QUALIFIED)


def test_one_more_changes_nothing():
    first = an_event(1)
    facts = replace(FACTS, status=QUALIFIED, qualified_at=first.occurred_at)

    assert judged(A_PURCHASE, first, an_event(2, days=1.5), facts=facts) == (
        Standing(QUALIFIED, first.occurred_at),
        Reason.ALREADY_QUALIFIED,
    )


def test_a_referral_expires_after_its_days_and_a_late_word_of_an_event_in_time_revives_it():
    visit = an_event(kind="visit")
    assert judged(WITHIN_A_WEEK, visit, days=7) == (Standing(SIGNED_UP), Reason.OTHER_TYPE)
    assert judged(WITHIN_A_WEEK, visit, days=7.01) == (Standing(EXPIRED), Reason.OTHER_TYPE)

    facts = replace(FACTS, status=EXPIRED)
    assert judged(WITHIN_A_WEEK, visit, an_event(2), facts=facts, days=9) == (
        Standing(QUALIFIED, NOW + timedelta(days=1)),
        Reason.QUALIFIED,
    )


def test_a_refund_undoes_what_no_longer_meets_the_terms():
    first = an_event(1, cents=2500)
    facts = replace(FACTS, status=QUALIFIED, qualified_at=first.occurred_at)

    small = judged(OF_20_EUR, first, an_event(2, of=1, cents=500), facts=facts)
    large = judged(OF_20_EUR, first, an_event(2, of=1, cents=501), facts=facts)

    assert small == (Standing(QUALIFIED, first.occurred_at), Reason.REFUND_CHANGES_NOTHING)
    assert large == (Standing(SIGNED_UP), Reason.REFUND_UNDOES)


def test_another_event_stands_in_for_one_that_was_refunded():
    events = (
        an_event(1, cents=2500),
        an_event(2, cents=2000, days=1.5),
        an_event(3, of=1, cents=2500),
    )
    facts = replace(FACTS, status=QUALIFIED, qualified_at=events[0].occurred_at)

    assert judged(OF_20_EUR, *events, facts=facts) == (
        Standing(QUALIFIED, events[1].occurred_at),
        Reason.REFUND_CHANGES_NOTHING,
    )


def test_what_was_refunded_whole_does_not_count_without_a_least_amount_either():
    first = an_event(1, cents=100)
    facts = replace(FACTS, status=QUALIFIED, qualified_at=first.occurred_at)

    refunded = judged(A_PURCHASE, first, an_event(2, of=1, cents=100), facts=facts)

    assert refunded == (Standing(SIGNED_UP), Reason.REFUND_UNDOES)
    assert (
        judged(A_PURCHASE, first, an_event(2, of=1, cents=99), facts=facts)[0].status == QUALIFIED
    )


def test_two_servers_may_give_one_id():
    ours, theirs = an_event(1, cents=2000), an_event(1, cents=2000, source="other")
    refund = an_event(2, of=1, cents=2000)

    refunded = refunds([ours, theirs, refund])

    assert left_of(ours, refunded) == Amount(0, "EUR")
    assert left_of(theirs, refunded) == Amount(2000, "EUR")
    assert left_of(an_event(3), refunded) is None


@pytest.mark.parametrize("status", [SIGNED_UP, QUALIFIED])
def test_who_qualified_at_sign_up_needs_no_event(status):
    facts = replace(FACTS, status=status, qualified_at=NOW)

    assert judged(Qualification(event="signed_up"), an_event(), facts=facts) == (
        Standing(status, NOW),
        Reason.QUALIFIED_AT_SIGN_UP,
    )


def test_a_rejected_referral_stays_rejected():
    facts = replace(FACTS, status=REJECTED)

    assert judged(A_PURCHASE, an_event(), facts=facts) == (
        Standing(REJECTED),
        Reason.REFERRAL_REJECTED,
    )


def test_nothing_qualifies_once_the_program_has_ended():
    facts = replace(FACTS, is_over=True)

    assert judged(A_PURCHASE, an_event(), facts=facts) == (
        Standing(SIGNED_UP),
        Reason.PROGRAM_ENDED,
    )


purchases = st.lists(
    st.builds(
        an_event,
        st.integers(1, 30),
        days=st.sampled_from([-1.0, 0.5, 1.0, 2.0, 6.0, 8.0]),
        cents=st.sampled_from([None, 0, 1999, 2000, 5000]),
        unit=st.sampled_from(["EUR", "USD"]),
        kind=st.sampled_from(["purchase", "purchase", "visit"]),
    ),
    max_size=8,
    unique_by=lambda event: event.id,
)
qualifications = st.builds(
    Qualification,
    event=st.just("purchase"),
    count=st.integers(1, 3),
    within_days=st.sampled_from([None, 7]),
) | st.builds(
    replace, st.just(OF_20_EUR), count=st.integers(1, 3), within_days=st.sampled_from([None, 7])
)


@given(terms=qualifications, events=purchases, data=st.data())
def test_the_order_in_which_events_come_makes_no_difference(terms, events, data):
    refunded = [
        an_event(100 + n, of=event.id.value, cents=event.amount.value, unit=event.amount.unit)
        for n, event in enumerate(events)
        if event.amount and event.amount.value and data.draw(st.booleans())
    ]
    now = NOW + timedelta(days=9)
    everything = [*events, *refunded]
    others = data.draw(st.permutations(everything))

    told = FACTS
    for at in range(len(others)):
        after = judge(Terms(qualification=terms), told, others[: at + 1], (), now).standing
        told = replace(told, status=after.status, qualified_at=after.qualified_at)

    if everything:
        assert standing(terms, FACTS, everything, now) == Standing(told.status, told.qualified_at)


@given(terms=qualifications, events=purchases)
def test_who_qualified_did_as_many_things_as_the_terms_ask(terms, events):
    stands = standing(terms, FACTS, events, NOW + timedelta(days=3))

    counted = [
        event
        for event in events
        if event.type == "purchase"
        and NOW - timedelta(minutes=5) <= event.occurred_at
        and (terms.within_days is None or event.occurred_at <= NOW + timedelta(days=7))
        and (
            terms.min_amount is None
            or (event.amount and event.amount.unit == "EUR" and event.amount.value >= 2000)
        )
    ]
    assert (stands.status == QUALIFIED) == (len(counted) >= terms.count)

"""What events are worth is a question of the terms and of all events, and not of the order in which they come."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples import NOW
from referral.domain.programs.referral import ReferralStatus
from referral.domain.programs.reward_rules import RewardRule, Side
from referral.domain.programs.terms import SIGNED_UP as SIGN_UP
from referral.domain.programs.terms import Qualification, Terms
from referral.domain.rewards.decision import Decision, Outcome, Reason
from referral.domain.rewards.entitlement import entitlement
from referral.domain.rewards.for_referrer import for_referrer
from referral.domain.rewards.judgement import judge, judge_sign_up
from referral.domain.rewards.ledger import entries
from referral.domain.rewards.qualification import Standing, standing
from referral.domain.rewards.reward import RewardStatus
from rewarding import SIGNED_UP, Referral, a_reward, an_event

A_PURCHASE = Qualification(event="purchase")
OF_20_EUR = Qualification(event="purchase", min_amount=2000, unit="EUR")
THANKS = RewardRule(rule="thanks", to=Side.REFERRER, amount=1000, unit="EUR")
WELCOME = RewardRule(rule="welcome", to=Side.REFEREE, amount=500, unit="EUR")
SHARE = RewardRule(rule="share", to=Side.REFERRER, basis_points=500, unit="EUR")
GOLD = RewardRule(rule="gold", to=Side.REFERRER, amount=5000, unit="points", at_qualified=1)
BOTH = Terms(qualification=OF_20_EUR, rewards=(THANKS, WELCOME))
SHARED = Terms(qualification=A_PURCHASE, rewards=(SHARE,))


def reasons(decisions):
    return [(decision.rule, decision.outcome, decision.reason) for decision in decisions]


def test_a_referral_that_qualifies_rewards_both_sides_once():
    referral = Referral(BOTH)

    referral.tell(an_event(1, cents=2500))
    referral.tell(an_event(2, cents=2500))

    assert referral.worth == {("thanks", None): 1000, ("welcome", None): 500}
    assert {reward.cause for reward in referral.rewards.values()} == {1}


def test_an_event_that_does_not_qualify_rewards_nobody():
    referral = Referral(BOTH)

    decisions = referral.tell(an_event(1, cents=1999))

    assert referral.worth == {}
    assert reasons(decisions) == [("qualification", "signed_up", Reason.AMOUNT_TOO_SMALL)]


def test_a_late_word_of_an_earlier_purchase_does_not_pay_twice():
    referral = Referral(BOTH)

    referral.tell(an_event(1, cents=2500, days=3))
    referral.tell(an_event(2, cents=2500, days=2))

    assert len(referral.rewards) == 2


def test_a_fixed_reward_stays_while_what_is_left_meets_the_terms():
    referral = Referral(BOTH)
    referral.tell(an_event(1, cents=2500))

    referral.tell(an_event(2, cents=500, of=1))
    assert referral.worth == {("thanks", None): 1000, ("welcome", None): 500}

    referral.tell(an_event(3, cents=1, of=1))
    assert referral.worth == {}
    assert {r.status for r in referral.rewards.values()} == {RewardStatus.REVERSED}


def test_another_event_stands_in_for_one_that_is_refunded():
    referral = Referral(BOTH)
    referral.tell(an_event(1, cents=2500))
    referral.tell(an_event(2, cents=2500))

    referral.tell(an_event(3, cents=2500, of=1))

    assert referral.worth == {("thanks", None): 1000, ("welcome", None): 500}


def test_who_qualifies_again_is_rewarded_again():
    referral = Referral(BOTH)
    referral.tell(an_event(1, cents=2500))
    referral.tell(an_event(2, cents=2500, of=1))

    referral.tell(an_event(3, cents=2500))

    assert referral.worth == {("thanks", None): 1000, ("welcome", None): 500}


def test_what_was_rejected_is_not_given_again():
    referral = Referral(replace(BOTH, rewards=(THANKS,)))
    referral.tell(an_event(1, cents=2500))
    [reward] = referral.rewards.values()
    referral.become(reward, reward.reject())
    referral.tell(an_event(2, cents=2500, of=1))

    decisions = referral.tell(an_event(3, cents=2500))

    assert referral.worth == {}
    assert reasons(decisions)[1:] == [("thanks", Outcome.NO_REWARD, Reason.REJECTED_BEFORE)]


def test_what_was_paid_is_recovered_by_a_negative_reward():
    referral = Referral(replace(BOTH, rewards=(THANKS,)))
    referral.tell(an_event(1, cents=2500))
    referral.pay()

    referral.tell(an_event(2, cents=2500, of=1))

    paid, recovery = referral.rewards.values()
    assert (paid.status, paid.amount) == (RewardStatus.PAID, 1000)
    assert (recovery.status, recovery.amount) == (RewardStatus.APPROVED, -1000)
    assert recovery.recovers == paid.id


def test_each_purchase_is_shared_in_rounded_down():
    referral = Referral(SHARED)

    referral.tell(an_event(1, cents=1019))
    referral.tell(an_event(2, cents=2000))

    assert referral.worth == {("share", 1): 50, ("share", 2): 100}


def test_a_share_shrinks_in_proportion_and_refunds_in_parts_take_back_all_of_it():
    referral = Referral(SHARED)
    referral.tell(an_event(1, cents=1000))
    referral.tell(an_event(2, cents=0))

    worth = []
    for number, part in enumerate((333, 333, 333, 1), 3):
        referral.tell(an_event(number, cents=part, of=1))
        worth.append(referral.worth.get(("share", 1), 0))

    assert worth == [33, 16, 0, 0]


def test_a_share_has_a_most_and_shrinks_from_there():
    referral = Referral(replace(SHARED, rewards=(replace(SHARE, max_amount=40),)))
    referral.tell(an_event(1, cents=1000))
    assert referral.worth == {("share", 1): 40}

    referral.tell(an_event(2, cents=500, of=1))
    assert referral.worth == {("share", 1): 20}


def test_the_earliest_events_are_shared_in_however_late_they_are_told():
    referral = Referral(replace(SHARED, rewards=(replace(SHARE, times=2),)))
    for number, days in ((1, 3), (2, 4)):
        referral.tell(an_event(number, cents=1000, days=days))

    decisions = referral.tell(an_event(3, cents=1000, days=5))
    assert reasons(decisions)[1:] == [("share", Outcome.NO_REWARD, Reason.TIMES_USED_UP)]

    referral.tell(an_event(4, cents=1000, days=2))
    assert referral.worth == {("share", 1): 50, ("share", 4): 50}


def test_a_refund_makes_no_room_for_another_share():
    referral = Referral(replace(SHARED, rewards=(replace(SHARE, times=1),)))
    referral.tell(an_event(1, cents=1000))
    referral.tell(an_event(2, cents=1000, days=2))

    referral.tell(an_event(3, cents=1000, of=1))

    assert referral.worth == {}


def test_events_before_the_one_that_completes_the_count_are_shared_in_then():
    referral = Referral(replace(SHARED, qualification=replace(A_PURCHASE, count=2)))
    referral.tell(an_event(1, cents=1000))
    assert referral.worth == {}

    referral.tell(an_event(2, cents=1000))
    assert referral.worth == {("share", 1): 50, ("share", 2): 50}


def test_a_share_goes_on_after_the_days_in_which_one_can_qualify():
    referral = Referral(replace(SHARED, qualification=replace(A_PURCHASE, within_days=2)))
    referral.tell(an_event(1, cents=1000))

    referral.tell(an_event(2, cents=1000, days=5))

    assert referral.worth == {("share", 1): 50, ("share", 2): 50}


def test_after_these_days_a_share_still_asks_for_the_least_amount():
    share = replace(SHARE, basis_points=1000, times=2)
    referral = Referral(Terms(qualification=replace(OF_20_EUR, within_days=7), rewards=(share,)))
    referral.tell(an_event(1, cents=5000))

    small = referral.tell(an_event(2, cents=100, days=8))
    referral.tell(an_event(3, cents=5000, days=9))

    assert reasons(small)[1:] == [("share", Outcome.NO_REWARD, Reason.AMOUNT_TOO_SMALL)]
    assert referral.worth == {("share", 1): 500, ("share", 3): 500}


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (an_event(2), Reason.NO_AMOUNT),
        (an_event(2, cents=1000, unit="USD"), Reason.OTHER_UNIT),
        (an_event(2, cents=1000, days=-1), Reason.BEFORE_REFERRAL),
        (an_event(2, cents=19), Reason.SHARE_TOO_SMALL),
        (an_event(2, cents=0), Reason.SHARE_TOO_SMALL),
    ],
)
def test_an_event_that_gives_no_share_is_told_why(event, reason):
    referral = Referral(SHARED)
    referral.tell(an_event(1, cents=1000))

    assert reasons(referral.tell(event))[1:] == [("share", Outcome.NO_REWARD, reason)]
    assert referral.worth == {("share", 1): 50}


def test_an_event_of_another_type_has_nothing_to_do_with_shares():
    referral = Referral(SHARED)
    referral.tell(an_event(1, cents=1000))

    decisions = referral.tell(an_event(2, cents=1000, kind="visit"))

    assert reasons(decisions) == [("qualification", "qualified", Reason.OTHER_TYPE)]


def test_an_event_below_the_least_amount_is_not_shared_in():
    referral = Referral(Terms(qualification=OF_20_EUR, rewards=(SHARE,)))
    referral.tell(an_event(1, cents=2000))

    decisions = referral.tell(an_event(2, cents=1999))

    assert referral.worth == {("share", 1): 100}
    assert reasons(decisions)[1:] == [("share", Outcome.NO_REWARD, Reason.AMOUNT_TOO_SMALL)]


def test_a_milestone_is_claimed_by_who_qualifies_and_stays_for_others_to_judge():
    referral = Referral(Terms(qualification=A_PURCHASE, rewards=(GOLD,)))
    referral.tell(an_event(1, cents=100))
    referral.tell(an_event(2, cents=100))
    assert [reward.milestone for reward in referral.rewards.values()] == [1]

    referral.tell(an_event(3, of=1, cents=100))
    referral.tell(an_event(4, of=2, cents=100))
    assert [reward.status for reward in referral.rewards.values()] == [RewardStatus.PENDING]


def test_once_the_program_has_ended_only_refunds_are_judged():
    referral = Referral(BOTH)
    over = replace(SIGNED_UP, is_over=True)
    referral.facts = over
    decisions = referral.tell(an_event(1, cents=2500))
    assert reasons(decisions) == [("qualification", "signed_up", Reason.PROGRAM_ENDED)]
    assert reasons(referral.tell(an_event(2, cents=1, of=1))) == [
        ("qualification", "signed_up", Reason.PROGRAM_ENDED)
    ]

    other = Referral(BOTH)
    other.tell(an_event(1, cents=2500))
    other.facts = replace(other.facts, is_over=True)
    other.tell(an_event(2, cents=2500, of=1))
    assert other.worth == {}


def test_what_is_told_after_the_program_has_ended_displaces_no_share():
    referral = Referral(
        replace(SHARED, rewards=(replace(SHARE, basis_points=1000, times=1),)),
    )
    referral.tell(an_event(1, cents=5000, days=5))
    referral.facts = replace(referral.facts, is_over=True)
    late = referral.tell(an_event(2, cents=5000, days=3))

    referral.tell(an_event(3, cents=1, of=1))

    assert reasons(late) == [("qualification", "qualified", Reason.PROGRAM_ENDED)]
    assert referral.worth == {("share", 1): 499}


def test_what_is_told_after_the_program_has_ended_stands_in_for_nothing():
    referral = Referral(BOTH)
    referral.tell(an_event(1, cents=2500))
    referral.facts = replace(referral.facts, is_over=True)
    referral.tell(an_event(2, cents=2500))

    referral.tell(an_event(3, cents=2500, of=1))

    assert referral.facts.status == ReferralStatus.SIGNED_UP
    assert referral.worth == {}


def test_a_rejected_referral_gets_nothing():
    referral = Referral(BOTH, replace(SIGNED_UP, status=ReferralStatus.REJECTED))

    decisions = referral.tell(an_event(1, cents=2500))

    assert referral.worth == {}
    assert reasons(decisions) == [("qualification", "rejected", Reason.REFERRAL_REJECTED)]


def test_a_sign_up_that_qualifies_claims_all_its_rewards():
    facts = replace(SIGNED_UP, status=ReferralStatus.QUALIFIED, qualified_at=NOW)
    terms = Terms(qualification=Qualification(event=SIGN_UP), rewards=(THANKS, GOLD))

    judged = judge_sign_up(terms, facts)

    assert judged.standing == Standing(ReferralStatus.QUALIFIED, NOW)
    assert [(claim.rule, claim.amount, claim.shared) for claim in judged.claims] == [
        (THANKS, 1000, None),
        (GOLD, 5000, None),
    ]
    assert reasons(judged.decisions) == [
        ("qualification", "qualified", Reason.QUALIFIED_AT_SIGN_UP)
    ]
    assert judge_sign_up(terms, SIGNED_UP).decisions == ()


def test_an_event_after_a_sign_up_that_qualified_changes_nothing():
    facts = replace(SIGNED_UP, status=ReferralStatus.QUALIFIED, qualified_at=NOW)
    terms = Terms(qualification=Qualification(event=SIGN_UP), rewards=(THANKS,))
    given = a_reward(cause=None)

    judged = judge(terms, facts, [an_event(1)], [given], NOW)

    assert (judged.claims, judged.take_backs) == ([], [])
    assert reasons(judged.decisions) == [
        ("qualification", "qualified", Reason.QUALIFIED_AT_SIGN_UP)
    ]


def test_a_decision_says_by_what_it_was_made():
    referral = Referral(BOTH)

    def inputs(event):
        return dict(referral.tell(event)[0].inputs)

    about = {"event": "1", "type": "purchase", "amount": 1999, "unit": "EUR"}
    assert inputs(an_event(1, cents=1999)) == {**about, "min_amount": 2000}
    assert inputs(an_event(2, kind="visit")) == {
        "event": "2",
        "type": "visit",
        "expected": "purchase",
    }
    assert inputs(an_event(3, cents=1, of=1)) == {
        "event": "3",
        "type": "refund",
        "of": "1",
        "amount": 1,
        "unit": "EUR",
    }
    thrice = Referral(Terms(qualification=replace(A_PURCHASE, count=3)))
    thrice.tell(an_event(1))
    assert dict(thrice.tell(an_event(2))[0].inputs) == {
        "event": "2",
        "type": "purchase",
        "count": 3,
        "counted": 2,
    }


MADE_AT = {"referred_at": "2030-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("event", "reason", "inputs"),
    [
        (an_event(1), Reason.NO_AMOUNT, {"min_amount": 2000, "unit": "EUR"}),
        (
            an_event(1, cents=2000, unit="USD"),
            Reason.OTHER_UNIT,
            {"amount": 2000, "unit": "USD", "expected": "EUR"},
        ),
        (
            an_event(1, days=-1),
            Reason.BEFORE_REFERRAL,
            {**MADE_AT, "occurred_at": "2029-12-31T00:00:00Z"},
        ),
        (
            an_event(1, days=2.5),
            Reason.TOO_LATE,
            {**MADE_AT, "occurred_at": "2030-01-03T12:00:00Z", "within_days": 2},
        ),
    ],
)
def test_a_refusal_says_what_the_event_was_held_against(event, reason, inputs):
    [made] = Referral(Terms(qualification=replace(OF_20_EUR, within_days=2))).tell(event)

    assert made.reason == reason
    assert made.inputs == {"event": "1", "type": "purchase", **inputs}


OF_THE_SECOND = {"to": "referrer", "event": "2", "basis_points": 500}


@pytest.mark.parametrize(
    ("event", "more", "inputs"),
    [
        (an_event(2), {}, {}),
        (
            an_event(2, cents=1000, unit="USD"),
            {},
            {"of_amount": 1000, "of_unit": "USD", "expected": "EUR"},
        ),
        (
            an_event(2, cents=1000, days=-1),
            {},
            {
                **MADE_AT,
                "occurred_at": "2029-12-31T00:00:00Z",
                "of_amount": 1000,
                "of_unit": "EUR",
            },
        ),
        (
            an_event(2, cents=19),
            {},
            {"of_amount": 19, "of_unit": "EUR", "amount": 0, "unit": "EUR"},
        ),
        (
            an_event(2, cents=1000, days=2),
            {"times": 1},
            {"of_amount": 1000, "of_unit": "EUR", "times": 1},
        ),
    ],
)
def test_a_share_that_is_not_given_says_of_what_it_would_have_been(event, more, inputs):
    referral = Referral(replace(SHARED, rewards=(replace(SHARE, **more),)))
    referral.tell(an_event(1, cents=1000))

    assert referral.tell(event)[1].inputs == {**OF_THE_SECOND, **inputs}


def test_a_share_is_of_what_is_left_of_its_event():
    referral = Referral(replace(SHARED, qualification=replace(A_PURCHASE, count=2)))
    referral.tell(an_event(1, cents=1000))
    referral.tell(an_event(2, cents=990, of=1))

    [_, none] = referral.tell(an_event(3, cents=1000))

    assert (none.inputs["event"], none.inputs["of_amount"]) == ("1", 10)


@pytest.mark.parametrize("rule", [THANKS, WELCOME])
def test_a_reward_that_was_rejected_before_says_which_it_was_and_for_whom(rule):
    referral = Referral(replace(BOTH, rewards=(rule,)))
    referral.tell(an_event(1, cents=2500))
    [reward] = referral.rewards.values()
    referral.become(reward, reward.reject())
    referral.tell(an_event(2, cents=2500, of=1))

    [_, refused] = referral.tell(an_event(3, cents=2500))

    worth = {"to": rule.to.value, "amount": rule.amount, "unit": "EUR"}
    assert refused.inputs == {**worth, "reward": str(reward.id)}
    assert (for_referrer(refused) is None) == (rule.to == Side.REFEREE)


purchases = st.lists(
    st.builds(
        an_event,
        st.integers(1, 50),
        days=st.integers(0, 8),
        cents=st.sampled_from([0, 19, 999, 2000, 3333]),
        unit=st.sampled_from(["EUR", "EUR", "USD"]),
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda event: event.id,
)
promises = st.builds(
    Terms,
    qualification=st.builds(
        replace,
        st.sampled_from([A_PURCHASE, OF_20_EUR]),
        count=st.integers(1, 2),
        within_days=st.sampled_from([None, 5]),
    ),
    rewards=st.builds(
        lambda share: (THANKS, WELCOME, share),
        st.builds(
            replace,
            st.just(SHARE),
            basis_points=st.integers(1, 10_000),
            max_amount=st.sampled_from([None, 77]),
            times=st.sampled_from([None, 1, 2]),
        ),
    ),
)


def parts_of(data, event, first_id):
    """Refunds of an event that never exceed it."""
    left, refunds = event.amount.value, []
    for number in range(first_id, first_id + data.draw(st.integers(0, 3))):
        part = data.draw(st.integers(0, left))
        if part:
            left -= part
            refunds.append(an_event(number, of=event.id.value, cents=part, unit=event.amount.unit))
    return refunds


@given(terms=promises, events=purchases, data=st.data())
def test_the_order_makes_no_difference_to_what_is_given(terms, events, data):
    refunds = [r for n, e in enumerate(events) for r in parts_of(data, e, 100 + 10 * n)]
    order = data.draw(st.permutations([*events, *refunds]))
    # A refund is refused until its event is known.
    order.sort(key=lambda event: event.of is not None)
    if data.draw(st.booleans()):
        order = [one for e in events for one in (e, *(r for r in refunds if r.of == e.id))]
    referral = Referral(terms)

    for event in order:
        referral.tell(event)
        if data.draw(st.booleans()):
            referral.pay()

    now = NOW + timedelta(days=9)
    stands = standing(terms.qualification, SIGNED_UP, order, now)
    deserved = entitlement(terms, SIGNED_UP, stands, order)
    assert referral.worth == {purpose: amount for purpose, amount in deserved.items() if amount}


@given(terms=promises, events=purchases, data=st.data())
def test_refunds_in_any_parts_take_back_exactly_all(terms, events, data):
    referral = Referral(replace(terms, qualification=replace(terms.qualification, min_amount=None)))
    for event in events:
        referral.tell(event)
        if data.draw(st.booleans()):
            referral.pay()

    number = 100
    for event in events:
        left = event.amount.value
        while left:
            part = data.draw(st.integers(1, left))
            referral.tell(an_event(number, of=event.id.value, cents=part, unit=event.amount.unit))
            left, number = left - part, number + 1

    shares = {purpose for purpose in referral.worth if purpose[0] == "share"}
    assert shares == set()


@given(terms=promises, events=purchases, data=st.data())
def test_amounts_are_whole_and_only_what_is_to_be_recovered_is_negative(terms, events, data):
    referral = Referral(terms)
    for event in events:
        referral.tell(event)
        if data.draw(st.booleans()):
            referral.pay()
        for refund in parts_of(data, event, 1000 * event.number):
            referral.tell(refund)

    for change in referral.changes:
        assert type(change.after.amount) is int
        assert (change.after.amount < 0) == (change.after.recovers is not None)
        assert sum(amount for _, amount in entries(change)) == 0
    for reward in referral.rewards.values():
        recovered = [r.amount for r in referral.rewards.values() if r.recovers == reward.id]
        assert reward.amount < 0 or reward.amount + sum(recovered) >= 0


@given(terms=promises, events=purchases)
def test_every_decision_of_a_rule_says_whom_the_rule_is_for(terms, events):
    referral, sides = Referral(terms), {rule.rule: rule.to for rule in terms.rewards}

    for made in (d for event in events for d in referral.tell(event) if d.rule in sides):
        assert made.inputs["to"] == sides[made.rule]


def test_a_decision_has_no_inputs_unless_it_is_given_some():
    decision = Decision(rule="thanks", outcome=Outcome.REWARDED, reason=Reason.EARNED)

    assert (decision.inputs, decision.reward_id) == ({}, None)

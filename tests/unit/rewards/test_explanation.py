from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from examples import an_id
from referral.domain.access.caller import Caller
from referral.domain.access.errors import MissingScope
from referral.domain.errors import InvalidInput
from referral.domain.programs.errors import ReferralNotFound
from referral.domain.programs.reward_rules import OWN_NAMES, RewardRule, Side
from referral.domain.rewards.decision import (
    QUALIFICATION,
    REFERRAL,
    REVIEW,
    Decision,
    Outcome,
    Reason,
    no_reward,
)
from referral.domain.rewards.explanation import made_with, sentence
from referral.domain.rewards.for_referrer import for_referrer

EVENT = {"event": "order-7", "type": "purchase", "amount": 1900, "unit": "EUR"}
REWARD = {"to": "referrer", "amount": 1000, "unit": "EUR", "status": "pending"}
SHARED = {"event": "order-7", "of_amount": 19, "of_unit": "EUR", "basis_points": 525}


def decision(rule, outcome, reason, **inputs):
    return Decision(rule=rule, outcome=outcome, reason=reason, inputs=inputs)


@pytest.mark.parametrize(
    ("reason", "inputs", "text"),
    [
        (Reason.QUALIFIED, {}, "With it, the referral qualifies."),
        (Reason.ALREADY_QUALIFIED, {}, "The referral had qualified before."),
        (
            Reason.COUNT_NOT_REACHED,
            {"count": 3},
            "It counts, but the terms ask for 3 such events.",
        ),
        (
            Reason.COUNT_NOT_REACHED,
            {"count": 3, "counted": 1},
            "It counts: 1 of 3 such events that the terms ask for.",
        ),
        (
            Reason.NO_AMOUNT,
            {"min_amount": 2000},
            "The terms ask for 20.00 EUR at least, and it has no amount.",
        ),
        (Reason.OTHER_UNIT, {"expected": "USD"}, "The terms ask for an amount in USD."),
        (
            Reason.TOO_LATE,
            {"within_days": 90},
            "It occurred after the 90 days that the terms give.",
        ),
        (
            Reason.TOO_LATE,
            {"within_days": 1},
            "It occurred after the 1 day that the terms give.",
        ),
        (Reason.OTHER_TYPE, {"expected": "visit"}, "The terms ask for an event of the type visit."),
        (Reason.NO_AMOUNT, {}, "The terms ask for an amount, and it has none."),
        (Reason.OTHER_UNIT, {}, "The terms ask for another unit."),
        (Reason.AMOUNT_TOO_SMALL, {"min_amount": 2000}, "The terms ask for 20.00 EUR at least."),
        (Reason.AMOUNT_TOO_SMALL, {}, "Nothing of its amount is left."),
        (Reason.BEFORE_REFERRAL, {}, "It occurred before the referral was made."),
        (Reason.TOO_LATE, {}, "It occurred after the days that the terms give."),
        (
            Reason.REFUND_UNDOES,
            {},
            "What is left does not meet the terms: the referral no longer qualifies.",
        ),
        (Reason.REFUND_CHANGES_NOTHING, {}, "It does not change how the referral stands."),
        (Reason.REFERRAL_REJECTED, {}, "The referral was rejected before."),
        (Reason.PROGRAM_ENDED, {}, "The program has ended: it changes nothing."),
        (Reason.QUALIFIED_AT_SIGN_UP, {}, "By the terms, the sign-up itself qualifies."),
    ],
)
def test_what_an_event_means_is_said_in_a_sentence(reason, inputs, text):
    made = decision("qualification", "qualified", reason, **EVENT, **inputs)

    assert sentence(made) == f"The event order-7 is a purchase of 19.00 EUR. {text}"


@pytest.mark.parametrize(
    ("outcome", "reason", "inputs", "text"),
    [
        (
            Outcome.HELD,
            Reason.SAME_PERSON,
            {},
            "The referral is held: both have the same e-mail address.",
        ),
        (
            Outcome.REJECTED,
            Reason.DISPOSABLE_EMAIL,
            {},
            "The referral is rejected: the e-mail address is of a provider of throw-away addresses.",
        ),
        (
            Outcome.HELD,
            Reason.SAME_NETWORK,
            {"sign_ups": 3, "within_hours": 24},
            (
                "The referral is held: the referrer and those they brought were 3 or more at one network"
                " within 24 hours."
            ),
        ),
        (
            Outcome.HELD,
            Reason.VELOCITY,
            {"sign_ups": 20, "within_hours": 1},
            "The referral is held: the referrer brought 20 or more within 1 hour.",
        ),
        (
            Outcome.REJECTED,
            Reason.VELOCITY,
            {"sign_ups": 20, "within_hours": 24},
            "The referral is rejected: the referrer brought 20 or more within 24 hours.",
        ),
    ],
)
def test_a_suspicion_is_said_to_all_but_the_referrer(outcome, reason, inputs, text):
    made = decision("review", outcome, reason, **inputs)

    assert sentence(made) == text
    assert for_referrer(made) is None


def test_a_refund_and_an_event_without_an_amount_are_said_too():
    refund = {**EVENT, "event": "r-1", "type": "refund", "of": "order-7"}
    visit = {"event": "v-1", "type": "visit"}
    unchanged = ("qualification", "qualified", Reason.REFUND_CHANGES_NOTHING)

    assert sentence(decision(*unchanged, **refund)).startswith(
        "The event r-1 is a refund of order-7 of 19.00 EUR."
    )
    assert sentence(decision(*unchanged, **visit)).startswith("The event v-1 is a visit. ")
    assert (
        sentence(decision("qualification", "qualified", Reason.QUALIFIED_AT_SIGN_UP))
        == "By the terms, the sign-up itself qualifies."
    )


@pytest.mark.parametrize(
    ("reason", "inputs", "text"),
    [
        (Reason.NO_AMOUNT, {}, "the event has no amount to share in"),
        (Reason.OTHER_UNIT, {}, "the event has another unit"),
        (Reason.OTHER_UNIT, {"expected": "USD"}, "the event is not in USD"),
        (Reason.AMOUNT_TOO_SMALL, {}, "the event's amount is too small"),
        (
            Reason.AMOUNT_TOO_SMALL,
            {"min_amount": 2000},
            "the event is worth less than the 20.00 EUR that the terms ask for",
        ),
        (Reason.BEFORE_REFERRAL, {}, "the event occurred before the referral was made"),
        (Reason.SHARE_TOO_SMALL, {}, "the share comes to nothing"),
        (Reason.SHARE_TOO_SMALL, SHARED, "5.25 % of 0.19 EUR come to nothing"),
        (Reason.TIMES_USED_UP, {}, "earlier events used up the times that the rule gives"),
        (
            Reason.TIMES_USED_UP,
            {"times": 12},
            "earlier events used up the 12 times that the rule gives",
        ),
        (
            Reason.MILESTONE_NOT_REACHED,
            {"qualified": 3, "at_qualified": 10},
            "it takes 10 qualified referrals, and the referrer has another number of them",
        ),
        (Reason.REJECTED_BEFORE, {}, "the same reward was rejected before"),
        (
            Reason.REFERRER_CAP_REACHED,
            {"rewards": 50, "per_days": 30},
            "the referrer has the most rewards that the terms allow, 50 in 30 days",
        ),
        (
            Reason.REFERRER_CAP_REACHED,
            {"rewards": 50, "per_days": None},
            "the referrer has the most rewards that the terms allow, 50",
        ),
        (
            Reason.BUDGET_SPENT,
            {"budget": 100000, "spent": 99500},
            "10.00 EUR is more than is left of the budget: 995.00 EUR of 1000.00 EUR are spent",
        ),
        (Reason.BENEFICIARY_ERASED, {}, "the account was erased"),
    ],
)
def test_why_a_rule_gives_nothing_is_said(reason, inputs, text):
    made = decision("thanks", Outcome.NO_REWARD, reason, **REWARD, **inputs)

    assert sentence(made) == f"The rule thanks gives nothing: {text}."


@pytest.mark.parametrize(
    ("outcome", "reason", "more", "text"),
    [
        (
            Outcome.REWARDED,
            Reason.EARNED,
            {},
            "The rule thanks gives the referrer 10.00 EUR; the reward is pending.",
        ),
        (
            Outcome.REVERSED,
            Reason.QUALIFICATION_UNDONE,
            {},
            (
                "The reward of 10.00 EUR to the referrer is taken back (rule thanks): "
                "the referral no longer qualifies."
            ),
        ),
        (
            Outcome.REDUCED,
            Reason.EVENT_REFUNDED,
            {},
            "The reward to the referrer is now 10.00 EUR (rule thanks): the event was refunded.",
        ),
        (
            Outcome.REVERSED,
            Reason.EARLIER_EVENT_COUNTS,
            {},
            (
                "The reward of 10.00 EUR to the referrer is taken back (rule thanks): "
                "an event that occurred earlier takes its place."
            ),
        ),
        (
            Outcome.TO_RECOVER,
            Reason.EVENT_REFUNDED,
            {"amount": -1000},
            (
                "The reward to the referrer was paid; 10.00 EUR is to be recovered (rule thanks): "
                "the event was refunded."
            ),
        ),
        (
            Outcome.APPROVED,
            Reason.HOLD_DAYS_PASSED,
            {},
            (
                "The reward of 10.00 EUR to the referrer is approved (rule thanks): "
                "its days on hold have passed."
            ),
        ),
        (
            Outcome.REJECTED,
            Reason.BY_HAND,
            {"by": "operator", "because": "A fake."},
            (
                "The reward of 10.00 EUR to the referrer is rejected (rule thanks), "
                "by operator: A fake."
            ),
        ),
        (
            Outcome.HELD,
            Reason.BY_HAND,
            {"by": "operator", "because": "A fake."},
            "The reward of 10.00 EUR to the referrer is held (rule thanks), by operator: A fake.",
        ),
        (
            Outcome.PENDING,
            Reason.BY_HAND,
            {"by": "operator", "because": ""},
            (
                "The reward of 10.00 EUR to the referrer waits for its time again (rule thanks), "
                "by operator."
            ),
        ),
        (
            Outcome.PAID,
            Reason.PAYOUT,
            {"reference": "2030-01"},
            "10.00 EUR was paid to the referrer (rule thanks), by the payout 2030-01.",
        ),
    ],
)
def test_what_becomes_of_a_reward_is_said(outcome, reason, more, text):
    assert sentence(decision("thanks", outcome, reason, **{**REWARD, **more})) == text


@pytest.mark.parametrize("name", ["referral", "qualification", "review"])
@pytest.mark.parametrize("outcome", [o for o in Outcome if o != Outcome.RELEASED])
def test_a_rule_that_is_called_as_the_services_own_is_told_as_any_other(name, outcome):
    """No terms have one any more; some may have been stored before."""
    reason = Reason.BUDGET_SPENT if outcome == Outcome.NO_REWARD else Reason.PAYOUT
    thanks = replace(
        decision("thanks", outcome, reason, **REWARD, budget=1, spent=1, reference="2030-01"),
        reward_id=None if outcome == Outcome.NO_REWARD else UUID(int=1),
    )
    made = replace(thanks, rule=name)

    assert sentence(made) == sentence(thanks).replace("rule thanks", f"rule {name}")
    assert for_referrer(made) == made
    assert for_referrer(replace(made, inputs={**made.inputs, "to": Side.REFEREE})) is None


def test_a_referrer_does_not_see_what_is_the_referees():
    theirs = decision("welcome", Outcome.REWARDED, Reason.EARNED, **{**REWARD, "to": Side.REFEREE})
    mine = decision("thanks", Outcome.REWARDED, Reason.EARNED, **REWARD)
    too_small = decision(
        "qualification", "signed_up", Reason.AMOUNT_TOO_SMALL, **EVENT, min_amount=2000
    )

    assert for_referrer(theirs) is None
    assert for_referrer(mine) == mine
    assert sentence(for_referrer(too_small)) == "The terms ask for 20.00 EUR at least."
    made = made_with("SPRING", "launch")
    assert for_referrer(made) == made
    assert sentence(made) == "The referral was made with the code SPRING of the program launch."


@pytest.fixture
async def bob(launch, bring, buy, show_participant):
    """The id of someone who bought something two days after coming."""
    await bring("bob", await launch())
    return (await show_participant(participant="bob")).id


async def test_a_referral_is_explained_in_order_as_of_a_time(explain_referral, bob, buy, clock):
    came = clock.now()
    clock.advance(days=2)
    await buy("bob")
    clock.advance(days=1)

    named, made = await explain_referral(referral_id=bob)

    assert named.referral.referee_id == bob
    assert [(m.decision.rule, m.at) for m in made] == [
        ("referral", came),
        *((rule, came + timedelta(days=2)) for rule in ("qualification", "thanks", "welcome")),
    ]
    assert {(m.terms_version, m.referral_id) for m in made} == {(1, bob)}
    first = made[0].decision
    assert (first.outcome, first.reason) == ("signed_up", Reason.SIGNED_UP)
    assert first.inputs == {"code": named.code.value, "program": "launch"}
    _, then = await explain_referral(referral_id=bob, as_of=came + timedelta(days=1))
    assert [m.decision.rule for m in then] == ["referral"]
    with pytest.raises(ReferralNotFound):
        await explain_referral(referral_id=bob, as_of=came - timedelta(seconds=1))
    with pytest.raises(InvalidInput) as refused:
        await explain_referral(referral_id=bob, as_of="soon")
    assert [v.field for v in refused.value.violations] == ["as_of"]
    with pytest.raises(ReferralNotFound):
        await explain_referral(referral_id=UUID(int=404))


@pytest.mark.parametrize(
    "reason", [Reason.REJECTED_BEFORE, Reason.OTHER_UNIT, Reason.TIMES_USED_UP, Reason.BUDGET_SPENT]
)
def test_a_referrer_does_not_see_that_a_rule_gives_the_referee_nothing(reason):
    rule = RewardRule(rule="welcome", to=Side.REFEREE, amount=500, unit="EUR")
    mine = replace(rule, rule="thanks", to=Side.REFERRER)
    before_it_said_for_whom = decision("welcome", Outcome.NO_REWARD, reason)

    assert for_referrer(no_reward(rule, reason)) is None
    assert for_referrer(no_reward(mine, reason)) is not None
    assert for_referrer(before_it_said_for_whom) is None


def test_a_referrer_does_not_see_who_decided_about_their_reward_nor_the_words_for_it():
    by_hand = {"by": "key:7", "because": "Bob is her husband."}
    made = decision("thanks", Outcome.REJECTED, Reason.BY_HAND, **REWARD, **by_hand)

    theirs = for_referrer(made)

    assert theirs.inputs == REWARD
    assert sentence(theirs) == (
        "The reward of 10.00 EUR to the referrer is rejected (rule thanks): someone decided so."
    )


def test_a_referrer_does_not_see_what_the_referee_did_and_sees_what_the_terms_ask_for():
    times = {"occurred_at": "2030-01-09T00:00:00Z", "referred_at": "2030-01-01T00:00:00Z"}
    late = decision("qualification", "expired", Reason.TOO_LATE, **EVENT, **times, within_days=7)
    other = decision("qualification", "signed_up", Reason.OTHER_UNIT, **EVENT, expected="USD")
    again = decision("qualification", "qualified", Reason.ALREADY_QUALIFIED, **EVENT)
    small = decision(
        "share", Outcome.NO_REWARD, Reason.SHARE_TOO_SMALL, **{**REWARD, **SHARED, "amount": 0}
    )

    assert for_referrer(late).inputs == {"within_days": 7}
    assert for_referrer(other).inputs == {"expected": "USD"}
    assert for_referrer(again).inputs == {}
    assert for_referrer(small).inputs == {**REWARD, "amount": 0, "basis_points": 525}
    assert (
        sentence(for_referrer(small)) == "The rule share gives nothing: the share comes to nothing."
    )


async def test_the_referrer_may_ask_and_nobody_else(explain_referral, bob, buy, ann):
    await buy("bob")

    _, made = await explain_referral(referral_id=bob, caller=Caller(user_id=ann.id))

    assert [m.decision.rule for m in made] == ["referral", "qualification", "thanks"]
    assert "order-1" not in " ".join(sentence(m.decision) for m in made)
    for who, which in ((bob, bob), (an_id(404), bob), (ann.id, UUID(int=404))):
        with pytest.raises(MissingScope):
            await explain_referral(referral_id=which, caller=Caller(user_id=who))


def test_no_rule_of_terms_is_called_like_what_decides_beside_the_rules():
    assert {QUALIFICATION, REFERRAL, REVIEW} == OWN_NAMES

from hypothesis import given
from hypothesis import strategies as st

from referral.domain.programs.reward_rules import Budget, Caps, ReferrerCap, RewardRule, Side
from referral.domain.programs.terms import Terms
from referral.domain.rewards.caps import Claim, Room, award
from referral.domain.rewards.decision import Outcome, Reason

THANKS = RewardRule(rule="thanks", to=Side.REFERRER, amount=30, unit="EUR")
WELCOME = RewardRule(rule="welcome", to=Side.REFEREE, amount=30, unit="EUR")
GOLD = RewardRule(rule="gold", to=Side.REFERRER, amount=30, unit="EUR", at_qualified=3)
CAPPED = Terms(
    caps=Caps(
        referrer=ReferrerCap(rewards=2, per_days=30), budget=(Budget(unit="EUR", amount=100),)
    )
)


def awarded(*rules, terms=CAPPED, qualified=3, rewarded=0, spent=0, erased=False):
    room = Room(qualified=qualified, rewarded=rewarded, spent={"EUR": spent})
    claims = [Claim(rule, 30) for rule in rules]
    granted, refused = award(terms, claims, room, is_referrer_erased=erased)
    assert all(decision.outcome == Outcome.NO_REWARD for decision in refused)
    return (
        [claim.rule.rule for claim in granted],
        [(decision.rule, decision.reason, dict(decision.inputs)) for decision in refused],
    )


def told(to="referrer", **more):
    return {"to": to, "amount": 30, "unit": "EUR", **more}


def test_what_there_is_room_for_is_granted():
    assert awarded(THANKS, WELCOME, GOLD) == (["thanks", "welcome", "gold"], [])


def test_without_caps_there_is_always_room():
    assert awarded(THANKS, terms=Terms(), rewarded=10**6, spent=10**9) == (["thanks"], [])


def test_a_referrer_gets_no_more_rewards_than_the_cap_and_the_referee_does():
    assert awarded(THANKS, GOLD, WELCOME, rewarded=1) == (
        ["thanks", "welcome"],
        [("gold", Reason.REFERRER_CAP_REACHED, told(rewards=2, per_days=30))],
    )


def test_a_budget_is_never_spent_beyond_its_amount():
    assert awarded(THANKS, WELCOME, spent=40) == (
        ["thanks", "welcome"],
        [],
    )
    assert awarded(THANKS, WELCOME, spent=41) == (
        ["thanks"],
        [("welcome", Reason.BUDGET_SPENT, told("referee", budget=100, spent=71))],
    )


def test_a_budget_is_of_its_unit():
    points = Terms(caps=Caps(budget=(Budget(unit="points", amount=1),)))

    assert awarded(THANKS, terms=points) == (["thanks"], [])


def test_a_milestone_is_given_for_that_referral_alone():
    for qualified in (2, 4):
        assert awarded(GOLD, qualified=qualified) == (
            [],
            [
                (
                    "gold",
                    Reason.MILESTONE_NOT_REACHED,
                    told(qualified=qualified, at_qualified=3),
                )
            ],
        )


def test_an_erased_referrer_gets_nothing():
    assert awarded(THANKS, WELCOME, erased=True) == (
        ["welcome"],
        [("thanks", Reason.BENEFICIARY_ERASED, told())],
    )


@given(
    amounts=st.lists(st.integers(1, 50), max_size=20),
    cap=st.integers(1, 10),
    budget=st.integers(1, 200),
    rewarded=st.integers(0, 12),
    spent=st.integers(0, 200),
)
def test_caps_never_overrun(amounts, cap, budget, rewarded, spent):
    terms = Terms(
        caps=Caps(referrer=ReferrerCap(rewards=cap), budget=(Budget(unit="EUR", amount=budget),))
    )
    room = Room(qualified=0, rewarded=rewarded, spent={"EUR": spent})
    claims = [Claim(THANKS, amount) for amount in amounts]

    granted, refused = award(terms, claims, room, is_referrer_erased=False)

    assert len(granted) + len(refused) == len(claims)
    assert not granted or rewarded + len(granted) <= cap
    assert not granted or spent + sum(claim.amount for claim in granted) <= budget

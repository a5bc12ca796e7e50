"""What is wrong with the ledger is found, and nothing else is."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples import NOW
from referral.domain.access.caller import Caller
from referral.domain.access.errors import MissingScope
from referral.domain.programs.referral import ReferralStatus
from referral.domain.programs.reward_rules import RewardRule, Side
from referral.domain.programs.terms import Qualification, Terms
from referral.domain.rewards.decision import Reason
from referral.domain.rewards.excuses import Turn, unexplained
from referral.domain.rewards.ledger import Account, holdings
from referral.domain.rewards.proof import Case, Difference, differences
from referral.domain.rewards.reward import PayoutId, RewardId, RewardStatus
from rewarding import REFEREE, REFERRER, Referral, a_reward, an_event

TERMS = Terms(
    qualification=Qualification(event="purchase"),
    rewards=(
        RewardRule(rule="thanks", to=Side.REFERRER, amount=1000, unit="EUR"),
        RewardRule(rule="share", to=Side.REFERRER, basis_points=1000, unit="EUR"),
        RewardRule(rule="gold", to=Side.REFERRER, amount=50, unit="points", at_qualified=2),
    ),
)
LATER = NOW + timedelta(days=9)


def found(referral, **changed):
    rewards = changed.pop("rewards", [*referral.rewards.values()])
    case = Case(
        **{
            "referral_id": REFEREE,
            "referrer_id": REFERRER,
            "program_id": 1,
            "terms_version": 1,
            "terms": referral.terms,
            "facts": referral.facts,
            "events": referral.events,
            "rewards": rewards,
            "entries": {reward.id: holdings(reward) for reward in rewards},
            **changed,
        }
    )
    return [str(difference) for difference in differences(case, LATER)]


@pytest.fixture
def referral():
    referral = Referral(TERMS)
    referral.tell(an_event(1, cents=1000))
    referral.tell(an_event(2, cents=500, of=1))
    return referral


def test_what_was_judged_is_right(referral):
    assert found(referral) == []


@given(cents=st.lists(st.sampled_from([0, 10, 999]), min_size=1, max_size=4), paid=st.booleans())
def test_whatever_is_told_and_paid_is_right(cents, paid):
    referral = Referral(TERMS)
    for number, worth in enumerate(cents, 1):
        referral.tell(an_event(number, cents=worth))
        if paid:
            referral.pay()
    for number, worth in enumerate(cents, 1):
        if worth:
            referral.tell(an_event(100 + number, cents=worth, of=number))

    assert found(referral) == []


def test_a_reward_that_is_given_twice_is_found(referral):
    twice = [*referral.rewards.values(), a_reward(9)]

    assert found(referral, rewards=twice) == [
        (
            f"What the rule thanks gave for the referral {REFEREE}: "
            "2000 is stored, and it has to be 1000"
        )
    ]


def test_a_refund_that_is_applied_twice_is_found(referral):
    thanks, share = referral.rewards.values()
    rewards = [thanks, replace(share, amount=25)]

    assert found(referral, rewards=rewards) == [
        (
            f"What the rule share and the event 1 gave for the referral {REFEREE}: "
            "25 is stored, and it has to be 50"
        )
    ]


def test_a_reward_that_is_missing_is_found_unless_it_was_rejected(referral):
    thanks, share = referral.rewards.values()

    assert found(referral, rewards=[share]) == [
        f"What the rule thanks gave for the referral {REFEREE}: 0 is stored, and it has to be 1000"
    ]
    assert found(referral, rewards=[thanks.reject(), share]) == []


def test_a_reward_of_a_rule_that_does_not_give_it_is_found(referral):
    given = a_reward(9, rule="silver")

    assert found(referral, rewards=[*referral.rewards.values(), given]) == [
        f"What the rule silver gave for the referral {REFEREE}: 1000 is stored, and it has to be 0",
        f"The rule of the reward {given.id}: silver is stored, and it has to be one of the terms",
    ]


@pytest.mark.parametrize(
    ("part", "wrong", "told"),
    [
        ("program_id", 2, "The program of the reward {}: 2 is stored, and it has to be 1"),
        ("terms_version", 2, "The version of the terms of the reward {}: 2 is stored"),
        ("unit", "USD", "The unit of the reward {}: USD is stored, and it has to be EUR"),
        ("to", Side.REFEREE, "The side of the reward {}: referee is stored"),
        ("beneficiary_id", REFEREE, f"The beneficiary of the reward {{}}: {REFEREE} is stored"),
        ("amount", 900, "The amount of the reward {}: 900 is stored, and it has to be 1000"),
    ],
)
def test_a_reward_that_is_not_as_its_rule_says_is_found(referral, part, wrong, told):
    thanks, share = referral.rewards.values()
    # What cannot be seen in sums: it was rejected.
    changed = replace(thanks, **{part: wrong}, status=RewardStatus.REJECTED)

    [difference] = found(referral, rewards=[changed, share])

    assert difference.startswith(told.format(thanks.id))


def test_a_share_for_the_wrong_one_of_the_two_is_found(referral):
    thanks, share = referral.rewards.values()

    [difference] = found(referral, rewards=[thanks, replace(share, beneficiary_id=REFEREE)])

    assert difference.startswith(f"The beneficiary of the reward {share.id}: {REFEREE} is stored")


def test_a_standing_that_events_do_not_give_is_found(referral):
    facts = replace(referral.facts, status=ReferralStatus.SIGNED_UP, qualified_at=None)

    assert found(referral, facts=facts, rewards=[]) == [
        f"The status of the referral {REFEREE}: signed_up is stored, and it has to be qualified"
    ]


def test_of_a_program_that_has_ended_only_what_is_too_much_is_found(referral):
    facts = replace(referral.facts, is_over=True, status=ReferralStatus.QUALIFIED)
    thanks, share = referral.rewards.values()

    assert found(referral, facts=facts, rewards=[share]) == []
    assert len(found(referral, facts=facts, rewards=[thanks, share, a_reward(9)])) == 1
    gone = replace(facts, status=ReferralStatus.SIGNED_UP)
    assert found(referral, facts=gone, rewards=[]) == []


@pytest.mark.parametrize("refunded", [0, 1, 1000])
def test_what_was_told_after_the_program_had_ended_is_not_missing(refunded):
    share = replace(TERMS.rewards[1], times=1)
    referral = Referral(replace(TERMS, rewards=(TERMS.rewards[0], share)))
    referral.tell(an_event(1, cents=1000, days=5))
    referral.facts = replace(referral.facts, is_over=True)
    referral.tell(an_event(2, cents=1000, days=3))
    if refunded:
        referral.tell(an_event(3, cents=refunded, of=1))

    assert found(referral) == []


GOLD = a_reward(9, rule="gold", milestone=2, amount=50, unit="points")


@pytest.mark.parametrize(
    ("part", "wrong", "told"),
    [
        ("amount", 51, "The amount of the reward {}: 51 is stored, and it has to be 50"),
        ("milestone", 1, "The milestone of the reward {}: 1 is stored, and it has to be 2"),
    ],
)
def test_a_milestone_is_held_against_its_rule_and_whether_it_is_reached_is_not(
    referral, part, wrong, told
):
    rewards = [*referral.rewards.values(), GOLD]
    assert found(referral, rewards=rewards) == []

    [difference] = found(referral, rewards=[*rewards[:-1], replace(GOLD, **{part: wrong})])

    assert difference.startswith(told.format(GOLD.id))


def test_a_milestone_that_is_recovered_twice_is_found(referral):
    paid = replace(GOLD, status=RewardStatus.PAID, payout_id=PayoutId(UUID(int=1)))
    rewards = [*referral.rewards.values(), paid]
    for number in (10, 11):
        assert found(referral, rewards=rewards) == []
        rewards.append(paid.recovery(RewardId(UUID(int=number)), 50, number, NOW))

    assert found(referral, rewards=rewards) == [
        f"What is to be recovered of the reward {GOLD.id}: 100 is stored, and it has to be 50"
    ]


def test_what_is_recovered_though_it_was_never_paid_is_found(referral):
    back = GOLD.recovery(RewardId(UUID(int=10)), 50, None, NOW)

    assert found(referral, rewards=[*referral.rewards.values(), GOLD, back]) == [
        f"What is to be recovered of the reward {GOLD.id}: 50 is stored, and it has to be 0"
    ]


def test_entries_that_are_not_what_a_reward_holds_are_found(referral):
    thanks, share = referral.rewards.values()
    entries = {
        thanks.id: {Account.BUDGET: -1000, Account.AVAILABLE: 1000},
        share.id: {**holdings(share), Account.PAID: 7},
    }

    assert found(referral, entries=entries) == [
        f"The entries of the reward {thanks.id} in the account {account}: "
        f"{stored} is stored, and it has to be {computed}"
        for account, stored, computed in (("pending", 0, 1000), ("available", 1000, 0))
    ] + [
        f"The entries of the reward {share.id} in the account paid: 7 is stored, and it has to be 0"
    ]
    assert len(found(referral, entries={})) == 4


@pytest.fixture
def verify(verify_ledger):
    async def verify():
        found = []
        async for verified in verify_ledger():
            found += [str(difference) for difference in verified.differences]
        return found

    return verify


async def test_the_ledger_is_verified_a_share_at_a_time(
    *, launch, bring, buy, verify_ledger, verify, monkeypatch
):
    monkeypatch.setattr("referral.application.rewards.verify_ledger.AT_A_TIME", 2)
    code = await launch()
    for name in ("bob", "cleo", "dan"):
        await bring(name, code)
        await buy(name)

    seen = [(verified.events, verified.total) async for verified in verify_ledger()]

    assert seen == [(2, 3), (3, 3)]
    assert await verify() == []


async def test_what_a_cap_refused_is_not_missing(launch, bring, buy, verify, store):
    code = await launch(caps={"referrer": {"rewards": 1}})
    for name in ("bob", "cleo"):
        await bring(name, code)
        await buy(name)
    assert await verify() == []

    thanks = next(r for r in store.read().rewards.values() if r.rule == "thanks")
    del store.read().rewards[thanks.id]

    assert len(await verify()) == 1


async def test_what_a_cap_refused_excuses_nothing_that_was_given_beyond_the_rule(
    launch, bring, buy, verify, store
):
    code = await launch(caps={"referrer": {"rewards": 1}})
    for name in ("bob", "cleo"):
        await bring(name, code)
        await buy(name)
    rewards = store.read().rewards
    thanks = next(r for r in rewards.values() if r.rule == "thanks")
    cleo = next(r.referral_id for r in rewards.values() if r.referral_id != thanks.referral_id)
    too_much = replace(thanks, id=UUID(int=9), referral_id=cleo, amount=2 * thanks.amount)
    rewards[too_much.id] = too_much

    told = f"What the rule thanks gave for the referral {cleo}: 2000 is stored"
    assert any(line.startswith(told) for line in await verify())


async def test_a_share_that_a_cap_refused_excuses_no_other_share(
    *, launch, bring, buy, verify, store
):
    code = await launch(
        rewards=[{"rule": "share", "to": "referrer", "basis_points": 1000, "unit": "EUR"}],
        caps={"budget": [{"unit": "EUR", "amount": 400}]},
    )
    await bring("bob", code)
    for amount in (2000, 3000, 2000):
        await buy("bob", amount)
    assert await verify() == []

    for reward in [*store.read().rewards.values()]:
        del store.read().rewards[reward.id]

    assert [line.partition(" gave")[0] for line in await verify()] == [
        f"What the rule share and the event {number}" for number in (1, 3)
    ]


async def test_what_was_refused_before_a_referral_qualified_again_excuses_nothing(
    *, launch, bring, buy, refund, verify, store
):
    code = await launch(
        rewards=[{"rule": "thanks", "to": "referrer", "amount": 1000, "unit": "EUR"}],
        caps={"budget": [{"unit": "EUR", "amount": 1000}]},
    )
    for name in ("bob", "cleo"):
        await bring(name, code)
        await buy(name)
    assert await verify() == []
    for order in ("order-1", "order-2"):
        await refund(order)
    await buy("cleo")
    assert await verify() == []

    rewards = store.read().rewards
    [again] = (reward.id for reward in rewards.values() if reward.status.counts)
    del rewards[again]

    assert len(await verify()) == 1


def test_what_was_refused_excuses_only_what_is_missing():
    turns = [Turn(REFEREE, "thanks", Reason.BUDGET_SPENT, None)]
    wrong = Difference("The status", "signed_up", "qualified")
    missing = Difference("What the rule gave", 0, 1000, REFEREE, ("thanks", None))

    assert unexplained([wrong, missing], turns) == [wrong]


async def test_what_was_told_just_before_someone_was_joined_counts_as_if_it_were_told_then(
    *, launch, enrol_participant, refer_participant, buy, rewards_of, verify, clock
):
    share = {"rule": "share", "to": "referee", "basis_points": 1000, "unit": "EUR", "times": 2}
    code = await launch(rewards=[share], hold_days=0)
    await enrol_participant(external_id="bob")
    answers = [await buy("bob", id=f"early-{n}", amount=2000 * n) for n in (1, 2)]
    await buy("bob", id="late-refund", type="refund", of="early-2", amount=1000)
    clock.advance(minutes=5)

    made, _ = await refer_participant(code=code, participant="bob")

    assert made.referral.status == "qualified"
    assert await rewards_of("bob") == [("share", 200, "approved"), ("share", 300, "approved")]
    assert await verify() == []
    assert [await buy("bob", id=f"early-{n}", amount=2000 * n) for n in (1, 2)] == answers


async def test_what_was_told_long_before_someone_was_joined_counts_for_nothing(
    *, launch, enrol_participant, refer_participant, buy, clock, verify
):
    code = await launch()
    await enrol_participant(external_id="bob")
    await buy("bob")
    clock.advance(minutes=5, seconds=1)

    made, _ = await refer_participant(code=code, participant="bob")

    assert made.referral.status == "signed_up"
    assert await verify() == []


async def test_what_is_wrong_with_sums_is_told(verify, store, monkeypatch):
    async def sums(_):
        yield "The balance"

    monkeypatch.setattr(type(store.books), "sums", sums)

    assert await verify() == ["The balance"]


async def test_whoever_verifies_needs_the_scope(verify_ledger):
    with pytest.raises(MissingScope):
        verify_ledger(caller=Caller(user_id=UUID(int=1)))


def test_a_status_that_counts_is_one_of_what_was_given():
    assert [status for status in RewardStatus if not status.counts] == ["rejected", "reversed"]

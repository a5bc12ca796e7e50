from datetime import timedelta
from uuid import UUID

import pytest

from examples import NOW
from referral.domain.errors import InvalidInput
from referral.domain.rewards.decision import Reason
from referral.domain.rewards.errors import NothingToPay, RewardIsSettled
from referral.domain.rewards.ledger import Account, Change, entries, holdings
from referral.domain.rewards.money import money
from referral.domain.rewards.payout import reference, total
from referral.domain.rewards.reward import RewardStatus
from referral.domain.rewards.taking_back import TakeBack, kept, lost_milestones
from rewarding import REFEREE, a_reward

PENDING, HELD, APPROVED, PAID, REJECTED, REVERSED = RewardStatus
BUDGET, WAITING, AVAILABLE, GIVEN, RECOVERABLE = Account
A_PAYOUT = UUID(int=9)


@pytest.mark.parametrize(
    ("before", "verb", "after"),
    [
        (PENDING, "approve", APPROVED),
        (HELD, "approve", PENDING),
        (APPROVED, "approve", APPROVED),
        (PENDING, "hold", HELD),
        (APPROVED, "hold", HELD),
        (HELD, "hold", HELD),
        (PENDING, "reject", REJECTED),
        (HELD, "reject", REJECTED),
        (APPROVED, "reject", REJECTED),
        (REJECTED, "reject", REJECTED),
    ],
)
def test_a_reward_becomes_what_is_said_of_it(before, verb, after):
    assert getattr(a_reward(status=before), verb)() == a_reward(status=after)


@pytest.mark.parametrize(
    ("status", "verb"),
    [
        *((status, verb) for status in (PAID, REVERSED) for verb in ("approve", "hold", "reject")),
        (REJECTED, "approve"),
        (REJECTED, "hold"),
    ],
)
def test_what_is_settled_stays_so(status, verb):
    with pytest.raises(RewardIsSettled, match=f"The reward is {status}."):
        getattr(a_reward(status=status), verb)()


def test_what_is_approved_is_paid_and_nothing_else():
    assert a_reward(status=APPROVED).pay(A_PAYOUT) == a_reward(status=PAID, payout_id=A_PAYOUT)
    for status in (PENDING, HELD, PAID, REJECTED, REVERSED):
        with pytest.raises(RewardIsSettled, match=f"is {status}, and not approved"):
            a_reward(status=status).pay(A_PAYOUT)


def test_taking_back_a_part_leaves_the_rest_and_taking_back_all_reverses():
    assert a_reward(status=APPROVED).less(400) == a_reward(status=APPROVED, amount=600)
    assert a_reward(status=HELD).less(1000) == a_reward(status=REVERSED)


def test_a_recovery_is_negative_and_can_be_taken_off_at_once():
    later = NOW + timedelta(days=1)
    paid = a_reward(status=PAID, payout_id=A_PAYOUT, cause=1, budgeted=True)

    recovery = paid.recovery(UUID(int=2), 300, 5, later)

    assert recovery == a_reward(
        2,
        status=APPROVED,
        amount=-300,
        cause=5,
        created_at=later,
        due_at=later,
        recovers=paid.id,
        budgeted=True,
    )


@pytest.mark.parametrize(
    ("status", "amount", "held"),
    [
        (PENDING, 10, {BUDGET: -10, WAITING: 10}),
        (HELD, 10, {BUDGET: -10, WAITING: 10}),
        (APPROVED, 10, {BUDGET: -10, AVAILABLE: 10}),
        (APPROVED, -10, {BUDGET: 10, RECOVERABLE: -10}),
        (PAID, 10, {BUDGET: -10, GIVEN: 10}),
        (PAID, -10, {BUDGET: 10, GIVEN: -10}),
        (REJECTED, 10, {}),
        (REVERSED, 10, {}),
    ],
)
def test_each_status_has_its_account(status, amount, held):
    assert holdings(a_reward(status=status, amount=amount)) == held


def test_entries_are_what_accounts_change_by():
    pending, approved = a_reward(), a_reward(status=APPROVED, amount=400)

    assert [*entries(Change(None, pending))] == [(BUDGET, -1000), (WAITING, 1000)]
    assert [*entries(Change(pending, approved))] == [
        (BUDGET, 600),
        (WAITING, -1000),
        (AVAILABLE, 400),
    ]
    assert [*entries(Change(pending, a_reward(status=HELD)))] == []


@pytest.mark.parametrize(
    ("before", "after", "cause"),
    [
        (None, a_reward(), "created"),
        (None, a_reward(amount=-1, status=APPROVED), "recovered"),
        (a_reward(), a_reward(status=APPROVED), "approved"),
        (a_reward(), a_reward(amount=1), "reduced"),
    ],
)
def test_a_change_has_its_cause(before, after, cause):
    assert Change(before, after).cause == cause


@pytest.mark.parametrize("verb", ["hold", "reject"])
def test_what_is_to_be_recovered_is_not_decided_about(verb):
    recovery = a_reward(2, amount=-300, recovers=UUID(int=1), status=APPROVED)

    assert recovery.approve() == recovery
    with pytest.raises(RewardIsSettled, match="until a payout takes it off"):
        getattr(recovery, verb)()


def test_what_is_kept_of_a_reward_is_less_by_what_is_recovered():
    paid = a_reward(status=PAID)
    recovery = a_reward(2, amount=-300, recovers=paid.id, status=APPROVED)
    forgiven = a_reward(3, amount=-200, recovers=paid.id, status=REJECTED)

    assert kept(paid, [paid, recovery, forgiven]) == 700
    assert kept(recovery, [paid, recovery]) == 0
    assert kept(a_reward(status=REVERSED), []) == 0


def test_milestones_that_are_no_longer_reached_are_lost_with_what_is_kept_of_them():
    three, ten = a_reward(1, milestone=3), a_reward(2, milestone=10, status=PAID)
    recovered = a_reward(3, milestone=10, amount=-400, recovers=ten.id, status=APPROVED)
    gone = a_reward(4, milestone=10, status=REVERSED)

    lost = [*lost_milestones([three, ten, recovered, gone, a_reward(5)], 9)]

    assert lost == [TakeBack(ten, 600, Reason.QUALIFICATION_UNDONE)]
    assert [*lost_milestones([three], 3)] == []


def test_a_payout_comes_to_more_than_nothing_in_one_unit():
    owed = a_reward(2, amount=-400)

    assert total([a_reward(), owed], "EUR") == 600
    for rewards in ([], [owed], [a_reward(amount=400), owed]):
        with pytest.raises(NothingToPay, match="nothing to pay"):
            total(rewards, "EUR")
    with pytest.raises(NothingToPay, match="Not all"):
        total([a_reward(), a_reward(unit="points")], "EUR")


def test_nobodys_debt_is_paid_with_what_others_get():
    owed = a_reward(1, amount=-500)
    his = a_reward(2, amount=1000, beneficiary_id=REFEREE)

    for hers in ([owed], [owed, a_reward(3, amount=500)]):
        with pytest.raises(NothingToPay, match="One of them"):
            total([*hers, his], "EUR")
    assert total([owed, a_reward(3, amount=501), his], "EUR") == 1001


@pytest.mark.parametrize("raw", ["", " x", "a\nb", "x" * 129])
def test_a_reference_is_printable(raw):
    assert reference("2030-10") == "2030-10"
    with pytest.raises(InvalidInput, match="1 to 128"):
        reference(raw)


def test_a_status_is_one_of_those_there_are():
    assert RewardStatus.parse("held") == HELD
    with pytest.raises(InvalidInput, match="pending, held, approved, paid, rejected, reversed"):
        RewardStatus.parse("gone")


@pytest.mark.parametrize(
    ("amount", "unit", "text"),
    [
        (1000, "EUR", "10.00 EUR"),
        (5, "EUR", "0.05 EUR"),
        (-1050, "EUR", "-10.50 EUR"),
        (1000, "JPY", "1000 JPY"),
        (1000, "KWD", "1.000 KWD"),
        (1000, "points", "1000 points"),
    ],
)
def test_amounts_are_read_in_their_unit(amount, unit, text):
    assert money(amount, unit) == text

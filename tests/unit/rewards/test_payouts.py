from uuid import UUID

import pytest

from referral.domain.accounts.errors import ParticipantNotFound
from referral.domain.errors import InvalidInput
from referral.domain.rewards.errors import (
    NothingToPay,
    PayoutDiffers,
    PayoutNotFound,
    RewardIsSettled,
    RewardNotFound,
)
from referral.domain.rewards.explanation import sentence
from referral.domain.rewards.payout import MOST_REWARDS


@pytest.fixture
async def code(launch):
    """Of a program whose rewards are approved at once."""
    return await launch(hold_days=0)


@pytest.fixture
def pay(make_payout):
    async def pay(reference="2030-01", unit="EUR", **more):
        return await make_payout(reference=reference, unit=unit, **more)

    return pay


@pytest.fixture
def ids_of(find_rewards):
    async def ids_of(name):
        return [named.reward.id for named in (await find_rewards(participant=name)).items]

    return ids_of


async def test_all_that_is_approved_of_a_participant_is_paid_once(
    *, code, bring, buy, pay, rewards_of, show_balance, clock
):
    for name in ("bob", "cleo"):
        await bring(name, code)
        await buy(name)

    payout, is_new = await pay(participant="ann")

    assert is_new
    assert (payout.amount, payout.unit, payout.rewards) == (2000, "EUR", 2)
    assert payout.created_at == clock.now()
    assert await rewards_of("ann") == [("thanks", 1000, "paid")] * 2
    assert await rewards_of("bob") == [("welcome", 500, "approved")]
    [balance] = await show_balance(participant="ann")
    assert (balance.available, balance.paid) == (0, 2000)
    assert await pay(participant="ann") == (payout, False)


async def test_rewards_that_are_named_are_paid_together(
    *, code, bring, buy, pay, ids_of, rewards_of
):
    await bring("bob", code)
    await buy("bob")
    ids = [*await ids_of("ann"), *await ids_of("bob")]

    payout, _ = await pay(rewards=[*ids, ids[0]])

    assert (payout.amount, payout.rewards) == (1500, 2)
    assert await rewards_of("bob") == [("welcome", 500, "paid")]
    assert await pay(rewards=ids[::-1]) == (payout, False)


async def test_what_is_to_be_recovered_is_taken_off_the_next_payout(
    *, code, bring, buy, refund, pay, rewards_of, show_balance
):
    await bring("bob", code)
    await buy("bob")
    await pay("first", participant="ann")
    await refund("order-1")
    [owing] = await show_balance(participant="ann")
    assert (owing.paid, owing.recoverable) == (1000, 1000)
    with pytest.raises(NothingToPay):
        await pay("second", participant="ann")
    for name in ("cleo", "dan"):
        await bring(name, code)
        await buy(name)

    payout, _ = await pay("second", participant="ann")

    assert (payout.amount, payout.rewards) == (1000, 3)
    [even] = await show_balance(participant="ann")
    assert (even.available, even.paid, even.recoverable) == (0, 2000, 0)
    assert (
        sorted(await rewards_of("ann"))
        == [("thanks", -1000, "paid")] + [("thanks", 1000, "paid")] * 3
    )


async def test_a_reference_that_is_known_pays_nothing_else(*, code, bring, buy, pay, ids_of):
    await bring("bob", code)
    await buy("bob")
    await pay(participant="ann")

    for other in (
        {"participant": "bob"},
        {"participant": "ann", "unit": "points"},
        {"rewards": await ids_of("ann")},
    ):
        with pytest.raises(PayoutDiffers):
            await pay(**other)


async def test_a_payout_pays_all_or_nothing(*, launch, bring, buy, pay, ids_of, rewards_of):
    await bring("bob", await launch(hold_days=0))
    await bring("cleo", await launch("other"))
    await buy("bob")
    await buy("cleo")

    with pytest.raises(RewardIsSettled, match="pending, and not approved"):
        await pay(rewards=await ids_of("ann"))
    with pytest.raises(RewardNotFound):
        await pay(rewards=[*await ids_of("bob"), UUID(int=404)])
    with pytest.raises(NothingToPay, match=r"^Not all of these rewards are in this unit"):
        await pay(rewards=await ids_of("bob"), unit="points")

    assert await rewards_of("ann") == [("thanks", 1000, "approved"), ("thanks", 1000, "pending")]
    assert await rewards_of("bob") == [("welcome", 500, "approved")]


WHOSE = "A payout is of a participant, or of these rewards."
HOW_MANY = f"A payout pays from 1 to {MOST_REWARDS} rewards."
REFERENCE = "A reference has 1 to 128 printable characters, and no space at its ends."


@pytest.mark.parametrize(
    ("wrong", "field", "detail"),
    [
        ({}, "rewards", WHOSE),
        ({"participant": "ann", "rewards": [UUID(int=1)]}, "rewards", WHOSE),
        ({"rewards": []}, "rewards", HOW_MANY),
        ({"rewards": [UUID(int=n) for n in range(MOST_REWARDS + 1)]}, "rewards", HOW_MANY),
        ({"participant": "ann", "unit": "euro!"}, "unit", None),
        ({"participant": "ann", "reference": ""}, "reference", REFERENCE),
    ],
)
async def test_what_cannot_be_paid_is_refused(*, pay, ann, audit_log, wrong, field, detail):
    with pytest.raises(InvalidInput) as refused:
        await pay(**wrong)

    [violation] = refused.value.violations
    assert violation.field == field
    assert violation.detail == (detail or violation.detail)


async def test_as_many_rewards_as_a_payout_takes_may_be_named(pay):
    with pytest.raises(RewardNotFound):
        await pay(rewards=[UUID(int=n) for n in range(MOST_REWARDS)])


async def test_a_payout_is_explained_and_recorded(
    *, code, bring, buy, pay, explain_referral, find_rewards, audit_log, clock
):
    await bring("bob", code)
    await buy("bob")

    await pay("2030-01", participant="ann")

    [named] = (await find_rewards(participant="ann")).items
    _, made = await explain_referral(referral_id=named.reward.referral_id)
    assert made[-1].at == clock.now()
    assert sentence(made[-1].decision) == (
        "10.00 EUR was paid to the referrer (rule thanks), by the payout 2030-01."
    )
    assert audit_log.deeds[-1]["action"] == "make-payout"


async def test_a_payout_of_the_smallest_amount_is_one(*, launch, bring, buy, pay):
    tip = {"rule": "tip", "to": "referrer", "amount": 1, "unit": "EUR"}
    await bring("bob", await launch(hold_days=0, rewards=[tip]))
    await buy("bob")

    payout, _ = await pay(participant="ann")

    assert payout.amount == 1


async def test_nobody_and_nothing_cannot_be_paid(pay, ann):
    with pytest.raises(ParticipantNotFound):
        await pay(participant="nobody")
    with pytest.raises(NothingToPay):
        await pay(participant="ann")


async def test_more_rewards_than_a_payout_takes_have_to_be_named(
    *, code, bring, buy, pay, monkeypatch
):
    monkeypatch.setattr("referral.application.rewards.make_payout.MOST_REWARDS", 1)
    for name in ("bob", "cleo"):
        await bring(name, code)
        await buy(name)

    with pytest.raises(InvalidInput, match="name some"):
        await pay(participant="ann")
    assert (await pay("bob's", participant="bob"))[0].rewards == 1


async def test_more_payouts_than_one_share_are_exported(
    *, code, bring, buy, pay, export_payouts, monkeypatch
):
    monkeypatch.setattr("referral.application.rewards.export_payouts.AT_A_TIME", 1)
    for name in ("bob", "cleo", "dan"):
        await bring(name, code)
        await buy(name)
        await pay(name, participant=name)

    lines = [line async for line in await export_payouts()]

    assert [line.payout.reference for line in lines] == ["bob", "cleo", "dan"]


async def test_payouts_are_shown_listed_and_exported(
    *, code, bring, buy, pay, show_payout, find_payouts, export_payouts
):
    await bring("bob", code)
    await buy("bob")
    first, _ = await pay("first", participant="ann")
    second, _ = await pay("second", participant="bob")

    assert await show_payout(payout_id=second.id) == second
    with pytest.raises(PayoutNotFound):
        await show_payout(payout_id=UUID(int=404))
    page = await find_payouts(limit=1)
    assert [*page.items] == [second]
    assert [*(await find_payouts(cursor=page.next_cursor)).items] == [first]
    lines = [line async for line in await export_payouts()]
    assert [(line.payout, line.beneficiary, line.amount) for line in lines] == [
        (first, "ann", 1000),
        (second, "bob", 500),
    ]

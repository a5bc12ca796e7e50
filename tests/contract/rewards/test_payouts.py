import asyncio
from uuid import UUID

import pytest

from examples import NOW, an_id
from referral.adapters.postgres.core.patience import call_of_its_own, patience
from referral.application.pages import ListRequest
from referral.application.rewards import export_payouts
from referral.application.rewards.ports import PayoutLine
from referral.domain.programs.reward_rules import Side
from referral.domain.rewards.errors import PayoutNotFound
from referral.domain.rewards.ledger import Change
from referral.domain.rewards.payout import Payout
from referral.domain.rewards.reward import RewardStatus


def a_payout(n=1, *, amount=1000):
    return Payout(
        id=UUID(int=n),
        reference=f"payout-{n}",
        unit="EUR",
        amount=amount,
        rewards=1,
        asked=b"digest",
        created_at=NOW,
    )


async def test_a_payout_is_found_by_its_id_and_its_reference(store, payouts):
    async with store.begin() as tx:
        assert await tx.payouts.claim("payout-1") is None
        await tx.payouts.add(a_payout())

    assert await payouts.find(UUID(int=1)) == a_payout()
    async with store.begin() as tx:
        assert await tx.payouts.claim("payout-1") == a_payout()
    with pytest.raises(PayoutNotFound):
        await payouts.find(UUID(int=404))


async def test_of_many_with_one_reference_one_is_stored(store, payouts):
    async def pay(n):
        async with store.begin() as tx:
            known = await tx.payouts.claim("payout-1")
            if known is None:
                await asyncio.sleep(0)
                await tx.payouts.add(a_payout())
                return n
            return known

    outcomes = await asyncio.gather(*map(pay, range(10)))

    assert outcomes.count(a_payout()) == 9
    assert (await payouts.newest(ListRequest())).items == [a_payout()]


async def test_payouts_are_listed_newest_first(store, payouts):
    made = [a_payout(n) for n in (1, 2, 3)]
    async with store.begin() as tx:
        for payout in made:
            await tx.payouts.add(payout)

    first = await payouts.newest(ListRequest(limit=2))
    rest = await payouts.newest(ListRequest(limit=2, cursor=first.next_cursor))

    assert [*first.items, *rest.items] == made[::-1]
    assert rest.next_cursor is None


async def test_the_lines_of_payouts_tell_what_each_participant_gets(store, payouts, a_reward):
    made = [a_payout(1, amount=1700), a_payout(2)]
    theirs = {"to": Side.REFEREE, "beneficiary_id": an_id(2)}
    paid = [
        a_reward(n, status=RewardStatus.PAID, payout_id=UUID(int=payout), amount=amount, **whose)
        for n, payout, amount, whose in (
            (1, 1, 700, {}),
            (2, 1, 500, {}),
            (3, 1, 500, theirs),
            (4, 2, 1000, theirs),
        )
    ]
    async with store.begin() as tx:
        for payout in made:
            await tx.payouts.add(payout)
        await tx.rewards.record([Change(None, reward) for reward in paid], NOW)
    ann, bob = f"user:{an_id(1)}", f"user:{an_id(2)}"
    lines = [
        PayoutLine(made[0], ann, 1200),
        PayoutLine(made[0], bob, 500),
        PayoutLine(made[1], bob, 1000),
    ]

    assert await payouts.lines(None, 10) == lines
    assert await payouts.lines(None, 1) == lines[:2]
    assert await payouts.lines(made[0].id, 10) == lines[2:]
    assert await payouts.lines(made[1].id, 10) == []


async def test_an_export_waits_for_each_share_as_long_as_a_call_may(
    store, payouts, give, a_reward, monkeypatch
):
    monkeypatch.setattr(export_payouts, "AT_A_TIME", 1)
    async with store.begin() as tx:
        for n in (1, 2):
            await tx.payouts.add(a_payout(n))
    await give(*(a_reward(n, status=RewardStatus.PAID, payout_id=UUID(int=n)) for n in (1, 2)))

    with call_of_its_own():
        patience().seconds = 0
        lines = await export_payouts.ExportPayouts(payouts, store)()
        told = [line.payout.reference async for line in lines]

    assert told == ["payout-1", "payout-2"]

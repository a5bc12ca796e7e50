import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from examples import NOW, a_user, an_id
from referral.application.pages import MAX_POSITION, ListRequest
from referral.application.rewards.ports import Balance, NamedReward, RewardFilter
from referral.domain.errors import InvalidInput
from referral.domain.programs.program import DEFAULT, ProgramId
from referral.domain.programs.referral import ReferralStatus
from referral.domain.programs.reward_rules import Budget, Caps, ReferrerCap, RewardRule, Side
from referral.domain.programs.terms import Terms
from referral.domain.rewards.caps import Room
from referral.domain.rewards.errors import RewardNotFound
from referral.domain.rewards.ledger import MOST_HELD, Change
from referral.domain.rewards.payout import Payout
from referral.domain.rewards.reward import RewardStatus

PENDING, HELD, APPROVED, PAID, REJECTED, REVERSED = RewardStatus
CAPPED = Terms(
    rewards=(RewardRule(rule="gold", to=Side.REFERRER, unit="EUR", amount=1, at_qualified=3),),
    caps=Caps(
        referrer=ReferrerCap(rewards=5, per_days=30),
        budget=(Budget(unit="EUR", amount=1), Budget(unit="points", amount=1)),
    ),
)


async def test_rewards_are_found_as_they_were_stored(store, rewards, give, a_reward, referral):
    first = a_reward(1, milestone=3, budgeted=True)
    second = a_reward(2, to=Side.REFEREE, beneficiary_id=referral.referee_id, status=HELD)
    await give(first, second)

    async with store.begin() as tx:
        assert await tx.rewards.of_referral(referral.referee_id) == [first, second]
        assert await tx.rewards.of_referral(an_id(404)) == []
        assert await tx.rewards.lock(second.id) == second
        assert await tx.rewards.among([second.id, UUID(int=404), first.id]) == [first, second]
        with pytest.raises(RewardNotFound):
            await tx.rewards.lock(UUID(int=404))
    assert await rewards.find(first.id) == NamedReward(first, DEFAULT, f"user:{an_id(1)}")
    with pytest.raises(RewardNotFound):
        await rewards.find(UUID(int=404))
    named = await rewards.named([second.id, UUID(int=404), first.id, first.id])
    assert [one.reward for one in named] == [first, second]
    assert named[0] == await rewards.find(first.id)


async def test_milestones_are_those_of_one_referrer_and_program(store, give, a_reward, referral):
    gold = a_reward(1, milestone=3)
    recovery = a_reward(2, milestone=3, amount=-1000, recovers=gold.id, status=APPROVED)
    await give(gold, a_reward(3))
    await give(recovery)

    async with store.begin() as tx:
        mine = await tx.rewards.milestones_of(referral.referrer_id, referral.program_id)
        assert mine == [gold, recovery]
        assert await tx.rewards.milestones_of(referral.referee_id, referral.program_id) == []
        assert await tx.rewards.milestones_of(referral.referrer_id, ProgramId(404)) == []


async def test_a_change_is_stored(store, give, change, a_reward):
    [reward] = await give(a_reward(1))

    after = await change(reward, amount=400, status=APPROVED)

    async with store.begin() as tx:
        assert await tx.rewards.lock(reward.id) == after


async def test_a_balance_follows_what_becomes_of_rewards(
    *, rewards, store, give, change, a_reward, referral
):
    ann = referral.referrer_id
    assert await rewards.balances(ann) == []
    one, two = await give(a_reward(1), a_reward(2, amount=500, unit="points"))
    assert await rewards.balances(ann) == [Balance("EUR", 1000), Balance("points", 500)]

    one = await change(one, status=APPROVED)
    two = await change(two, status=REVERSED)
    assert await rewards.balances(ann) == [Balance("EUR", 0, 1000), Balance("points")]

    payout = await a_payout(store, one)
    await change(one, status=PAID, payout_id=payout.id)
    await give(a_reward(3, amount=-300, recovers=one.id, status=APPROVED))
    assert (await rewards.balances(ann))[0] == Balance("EUR", 0, 0, 1000, 300)
    assert await rewards.balances(referral.referee_id) == []


async def test_nobody_has_more_than_everybody_can_read(*, rewards, give, a_reward, referral):
    await give(a_reward(1, amount=MOST_HELD - 1), a_reward(2, amount=1, status=APPROVED))
    await give(a_reward(3, unit="points"))
    before = await rewards.balances(referral.referrer_id)

    with pytest.raises(InvalidInput, match=f"come to {MOST_HELD} at most"):
        await give(a_reward(4, amount=1))

    assert await rewards.balances(referral.referrer_id) == before
    assert len(await rewards.of_referral(referral.referee_id)) == 3


async def a_payout(store, reward, number=7):
    payout = Payout(
        id=UUID(int=number),
        reference=f"payout-{number}",
        unit=reward.unit,
        amount=reward.amount,
        rewards=1,
        asked=b"",
        created_at=NOW,
    )
    async with store.begin() as tx:
        await tx.payouts.add(payout)
    return payout


async def test_what_is_due_are_pending_rewards_whose_time_has_come(store, give, a_reward):
    late, early = a_reward(1, due_at=NOW), a_reward(2, due_at=NOW - timedelta(days=1))
    await give(late, early, a_reward(3), a_reward(4, due_at=NOW, status=HELD))

    async with store.begin() as tx:
        assert await tx.rewards.due(NOW, 10) == [early, late]
        assert await tx.rewards.due(NOW, 1) == [early]
        assert await tx.rewards.due(NOW, 1, {early.id}) == [late]
        assert await tx.rewards.due(NOW - timedelta(days=2), 10) == []


async def test_what_is_due_is_looked_at_by_one_at_a_time(store, give, a_reward):
    await give(*(a_reward(n, due_at=NOW) for n in range(1, 9)))
    seen = []

    async def take():
        async with store.begin() as tx:
            due = await tx.rewards.due(NOW, 3)
            seen.extend(reward.id for reward in due)
            await asyncio.sleep(0)
            await tx.rewards.record([Change(r, replace(r, status=APPROVED)) for r in due], NOW)

    await asyncio.gather(*(take() for _ in range(5)))

    assert len(seen) == len(set(seen))


async def test_what_can_be_paid_is_what_is_approved_in_the_unit(store, give, a_reward, referral):
    ann = referral.referrer_id
    first, second = a_reward(1, status=APPROVED), a_reward(2, status=APPROVED)
    await give(first, second, a_reward(3), a_reward(4, status=APPROVED, unit="points"))

    async with store.begin() as tx:
        assert await tx.rewards.approved_of(ann, "EUR", 10) == [first, second]
        assert await tx.rewards.approved_of(ann, "EUR", 1) == [first]
        assert await tx.rewards.approved_of(referral.referee_id, "EUR", 10) == []


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (RewardFilter(), [4, 3, 2, 1]),
        (RewardFilter(status=HELD), [3]),
        (RewardFilter(beneficiary_id=an_id(1)), [3, 2, 1]),
        (RewardFilter(beneficiary_id=an_id(2), status=PENDING), [4]),
        (RewardFilter(program_id=ProgramId(1), beneficiary_id=an_id(1), status=PENDING), [2, 1]),
        (RewardFilter(program_id=ProgramId(404)), []),
    ],
)
async def test_those_that_are_wanted_are_listed_newest_first(
    *, rewards, give, a_reward, referral, wanted, found
):
    await give(a_reward(1), a_reward(2), a_reward(3, status=HELD))
    await give(a_reward(4, to=Side.REFEREE, beneficiary_id=referral.referee_id))

    page = await rewards.newest(wanted, ListRequest())
    assert [named.reward.id.int for named in page.items] == found
    assert page.next_cursor is None

    walked, cursor = [], MAX_POSITION
    while cursor is not None:
        page = await rewards.newest(wanted, ListRequest(limit=1, cursor=cursor))
        walked += [named.reward.id.int for named in page.items]
        cursor = page.next_cursor
    assert walked == found


async def test_there_is_room_while_nothing_was_given(store, referral):
    async with store.begin() as tx:
        room = await tx.rewards.room(referral, CAPPED, NOW)

    assert room == Room(qualified=1, rewarded=0, spent={"EUR": 0, "points": 0})


async def test_without_caps_nothing_is_counted(store, referral):
    async with store.begin() as tx:
        room = await tx.rewards.room(referral, Terms(), NOW)

    assert room.spent == {}


async def test_what_counts_are_rewards_of_the_referrer_within_the_days(
    *, store, give, change, a_reward, referral
):
    old = a_reward(1, created_at=NOW - timedelta(days=30))
    new = a_reward(2, created_at=NOW - timedelta(days=30) + timedelta(seconds=1))
    gone = a_reward(3)
    theirs = a_reward(4, to=Side.REFEREE, beneficiary_id=referral.referee_id)
    await give(old, new, gone, theirs, a_reward(5, status=HELD))
    await change(gone, status=REVERSED)

    async with store.begin() as tx:
        room = await tx.rewards.room(referral, CAPPED, NOW)
        ever = Caps(referrer=ReferrerCap(rewards=5))
        assert room.rewarded == 2
        assert (await tx.rewards.room(referral, replace(CAPPED, caps=ever), NOW)).rewarded == 3


async def test_what_was_paid_counts_until_all_of_it_is_to_be_recovered(
    *, store, give, change, a_reward, referral
):
    paid, other = await give(a_reward(1, status=APPROVED), a_reward(2, status=APPROVED))
    for n, reward in enumerate((paid, other), 7):
        payout = await a_payout(store, reward, n)
        await change(reward, status=PAID, payout_id=payout.id)
    seen = []
    for n, amount in ((3, -999), (4, -1)):
        await give(a_reward(n, amount=amount, recovers=paid.id, status=APPROVED))
        async with store.begin() as tx:
            seen.append((await tx.rewards.room(referral, CAPPED, NOW)).rewarded)

    assert seen == [2, 1]


async def test_qualified_referrals_of_the_referrer_are_counted(
    *, store, users, referrals, codes, referral
):
    others = [a_user(f"user{n}", number=n) for n in (3, 4, 5)]
    for other in others:
        await users.add(other)
        await referrals.add(replace(referral, referee_id=other.id))
    async with store.begin() as tx:
        gone = replace(referral, status=ReferralStatus.SIGNED_UP, qualified_at=None)
        await tx.referrals.save(gone)
        room = await tx.rewards.room(referral, CAPPED, NOW)
        assert room.qualified == 3


async def test_what_is_spent_of_a_budget_is_what_budgeted_rewards_come_to(
    *, store, give, change, a_reward, referral
):
    async with store.begin() as tx:
        await tx.rewards.room(referral, CAPPED, NOW)
    first, second = a_reward(1, budgeted=True), a_reward(2, amount=700, budgeted=True)
    await give(first, second, a_reward(3))
    await change(first, amount=900)
    await change(second, status=REJECTED)

    async with store.begin() as tx:
        room = await tx.rewards.room(referral, CAPPED, NOW)

    assert room.spent == {"EUR": 900, "points": 0}

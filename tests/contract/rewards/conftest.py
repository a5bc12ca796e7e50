"""A referral, and rewards that came of it."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from examples import NOW, a_new_code, a_referral
from referral.domain.programs.reward_rules import Side
from referral.domain.rewards.ledger import Change
from referral.domain.rewards.reward import Reward, RewardStatus


@pytest.fixture
async def referral(codes, referrals, ann, bob):
    """Ann brought Bob."""
    referral = a_referral(bob.id, await codes.add(a_new_code(ann)))
    await referrals.add(referral)
    return referral


@pytest.fixture
def a_reward(referral):
    """One of 1000 cents for Ann, under the nth id."""

    def a_reward(n, **more):
        return Reward(
            **{
                "id": UUID(int=n),
                "referral_id": referral.referee_id,
                "program_id": referral.program_id,
                "terms_version": referral.terms_version,
                "rule": f"rule-{n}",
                "to": Side.REFERRER,
                "beneficiary_id": referral.referrer_id,
                "amount": 1000,
                "unit": "EUR",
                "status": RewardStatus.PENDING,
                "created_at": NOW,
                "due_at": NOW + timedelta(days=14),
                **more,
            }
        )

    return a_reward


@pytest.fixture
def give(store):
    """Record new rewards."""

    async def give(*rewards):
        async with store.begin() as tx:
            await tx.rewards.record([Change(None, reward) for reward in rewards], NOW)
        return rewards

    return give


@pytest.fixture
def change(store):
    """Record what became of a reward."""

    async def change(before, **into):
        after = replace(before, **into)
        async with store.begin() as tx:
            await tx.rewards.record([Change(before, after)], NOW)
        return after

    return change

"""Payouts: approved rewards of one unit that are marked as paid together, once for a reference."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from referral.domain.accounts.user import UserId
from referral.domain.errors import InvalidInput
from referral.domain.rewards.errors import NothingToPay
from referral.domain.rewards.reward import PayoutId, Reward
from referral.domain.texts import is_printable

REFERENCE_LENGTH = range(1, 129)
MOST_REWARDS = 1_000
"""Of one payout, which is one transaction and one body."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Payout:
    """So much that was paid by `rewards` rewards; `asked` is a digest of what was asked for."""

    id: PayoutId
    reference: str
    unit: str
    amount: int
    rewards: int
    asked: bytes
    created_at: datetime


def reference(raw: str) -> str:
    """What a payout is called elsewhere; raise InvalidInput unless it is 1 to 128 printable characters."""
    if not is_printable(raw, REFERENCE_LENGTH):
        raise InvalidInput(
            "A reference has 1 to 128 printable characters, and no space at its ends."
        )
    return raw


def total(rewards: Sequence[Reward], unit: str) -> int:
    """What rewards come to; raise NothingToPay unless all are of this unit, and each beneficiary gets more than nothing."""
    if any(reward.unit != unit for reward in rewards):
        raise NothingToPay("Not all of these rewards are in this unit.")
    amounts: Counter[UserId] = Counter()
    for reward in rewards:
        amounts[reward.beneficiary_id] += reward.amount
    if all(amount <= 0 for amount in amounts.values()):
        raise NothingToPay
    if any(amount <= 0 for amount in amounts.values()):
        raise NothingToPay("One of them would get nothing: more is to be recovered of them.")
    return amounts.total()

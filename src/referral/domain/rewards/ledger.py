"""The ledger: every change of a reward as balanced entries over accounts.

A reward comes out of the program's `budget`, which goes down by it, and is in one account of its beneficiary at a time.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from referral.domain.errors import InvalidInput
from referral.domain.programs.term_values import MOST_AMOUNT
from referral.domain.rewards.reward import Reward, RewardStatus

MOST_HELD = MOST_AMOUNT
"""What the pending, available and paid rewards of one beneficiary in one unit come to at most."""


class Account(StrEnum):
    BUDGET = "budget"
    PENDING = "pending"
    AVAILABLE = "available"
    PAID = "paid"
    RECOVERABLE = "recoverable"


_ACCOUNTS = {
    RewardStatus.PENDING: Account.PENDING,
    RewardStatus.HELD: Account.PENDING,
    RewardStatus.APPROVED: Account.AVAILABLE,
    RewardStatus.PAID: Account.PAID,
}


@dataclass(frozen=True, slots=True)
class Change:
    """A reward before something happened, None for a new one, and after it."""

    before: Reward | None
    after: Reward

    @property
    def cause(self) -> str:
        """What happened, in a word."""
        if self.before is None:
            return "created" if self.after.amount > 0 else "recovered"
        return str(self.after.status) if self.after.status != self.before.status else "reduced"


def holdings(reward: Reward | None) -> Mapping[Account, int]:
    """What each account holds because of a reward as it is; in sum nothing."""
    if reward is None or not reward.status.counts:
        return {}
    account = _ACCOUNTS[reward.status]
    if account == Account.AVAILABLE and reward.amount < 0:
        account = Account.RECOVERABLE
    return {Account.BUDGET: -reward.amount, account: reward.amount}


def entries(change: Change) -> Iterator[tuple[Account, int]]:
    """How much each account changes by; the amounts come to nothing."""
    before, after = holdings(change.before), holdings(change.after)
    for account in Account:
        amount = after.get(account, 0) - before.get(account, 0)
        if amount:
            yield account, amount


def balance_is_full() -> InvalidInput:
    """Why a reward is refused that would make it more."""
    return InvalidInput(
        f"The rewards of one participant in one unit come to {MOST_HELD} at most, paid ones included."
    )

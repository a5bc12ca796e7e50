"""What reads all that is known of rewards, as of one moment."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from referral.domain.accounts.user import UserId
from referral.domain.rewards.excuses import Turn
from referral.domain.rewards.history import Cohort, History
from referral.domain.rewards.proof import Case, Difference


class OpenBooks(Protocol):
    """Everything about rewards as it is at one moment, whatever is written meanwhile."""

    async def events(self) -> int:
        """How many there are."""

    async def cases(self, after: UserId | None, limit: int) -> Sequence[Case]:
        """So many referrals with events, rewards or decisions, by their ids, after this one."""

    async def turns(self, referral_ids: Sequence[UserId]) -> Sequence[Turn]:
        """What qualified these referrals, and which rules a cap, a budget or an erased account kept from rewarding them."""

    def sums(self) -> AsyncIterator[Difference]:
        """Where milestones, balances, budgets and payouts are not what rewards and entries come to."""

    async def size(self, cohort: Cohort, most: int | None) -> int:
        """How many referrals and events a cohort has; it stops counting at `most`, if that is given."""

    def histories(self, cohort: Cohort, at_a_time: int) -> AsyncIterator[Sequence[History]]:
        """All that happened to a cohort, so many referrals at a time, in any order."""


class Books(Protocol):
    def open(self) -> AbstractAsyncContextManager[OpenBooks]:
        """Keep the moment for as long as the block runs."""

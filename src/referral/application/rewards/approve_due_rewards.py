from dataclasses import dataclass

from referral.application.again import again
from referral.application.ports import Clock
from referral.application.rewards.awards import made
from referral.application.rewards.bookkeeping import Bookkeeping
from referral.application.transaction import UnitOfWork
from referral.domain.rewards.decision import Outcome, Reason
from referral.domain.rewards.ledger import Change

SHARE = 100  # so few that nobody waits long for the rows of a share


@dataclass(frozen=True, slots=True)
class ApproveDueRewards:
    """Approve all rewards whose days on hold have passed, and tell how many; any number of processes share them."""

    unit_of_work: UnitOfWork
    bookkeeping: Bookkeeping
    clock: Clock

    async def __call__(self) -> int:
        approved = 0
        while share := await again(self._approve_share):
            approved += share
            if share < SHARE:
                break
        return approved

    async def _approve_share(self) -> int:
        async with self.unit_of_work.begin() as tx:
            now = self.clock.now()
            due = await tx.rewards.due(now, SHARE)
            changes = [Change(reward, reward.approve()) for reward in due]
            if changes:
                await self.bookkeeping.record(tx, changes, now)
                await tx.decisions.add(
                    [
                        made(change.after, Outcome.APPROVED, Reason.HOLD_DAYS_PASSED, now)
                        for change in changes
                    ]
                )
            return len(due)

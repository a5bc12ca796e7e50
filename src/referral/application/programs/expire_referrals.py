from collections.abc import Sequence
from dataclasses import dataclass

from referral.application.again import again
from referral.application.ports import Clock
from referral.application.transaction import UnitOfWork
from referral.domain.accounts.user import UserId

SHARE = 100  # so few that nobody waits long for the rows of a share


@dataclass(frozen=True, slots=True)
class ExpireReferrals:
    """Have all referrals expire whose time to qualify has passed, and tell how many; any number of processes share them.

    An event that is told later, but occurred in time, still qualifies one.
    """

    unit_of_work: UnitOfWork
    clock: Clock

    async def __call__(self) -> int:
        expired = 0
        while share := await again(self._expire_share):
            expired += len(share)
            if len(share) < SHARE:
                break
        return expired

    async def _expire_share(self) -> Sequence[UserId]:
        async with self.unit_of_work.begin() as tx:
            return await tx.referrals.expire_overdue(self.clock.now(), SHARE)

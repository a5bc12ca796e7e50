import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from referral.application.again import again
from referral.application.ports import Clock
from referral.application.rewards.awards import made
from referral.application.rewards.bookkeeping import Bookkeeping
from referral.application.transaction import Transaction, UnitOfWork
from referral.domain.errors import Busy
from referral.domain.rewards.decision import Outcome, Reason
from referral.domain.rewards.ledger import Change
from referral.domain.rewards.reward import Reward, RewardId, RewardStatus

SHARE = 100  # so few that nobody waits long for the rows of a share

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ApproveDueRewards:
    """Approve all rewards whose days on hold have passed, and tell how many; any number of processes share them.

    One that cannot be approved keeps no other from it. It is tried each time, and logged the first time.
    """

    unit_of_work: UnitOfWork
    bookkeeping: Bookkeeping
    clock: Clock
    _logged: set[RewardId] = field(default_factory=set, init=False)

    async def __call__(self) -> int:
        approved = 0
        failed: set[RewardId] = set()
        found = SHARE
        while found == SHARE:
            try:
                found = await again(self._approve_share, failed)
            except Busy:
                raise
            except Exception:  # noqa: BLE001  logged below, with the reward that it is of
                share = await again(self._due, failed)
                found = len(share)
                failed_now = [one for one in share if not await self._is_approved(one)]
                failed.update(failed_now)
                approved -= len(failed_now)
            approved += found
        return approved

    async def _approve_share(self, but: Collection[RewardId]) -> int:
        async with self.unit_of_work.begin() as tx:
            due = await tx.rewards.due(self.clock.now(), SHARE, but)
            await self._approve(tx, due)
            return len(due)

    async def _due(self, but: Collection[RewardId]) -> Sequence[RewardId]:
        async with self.unit_of_work.begin() as tx:
            return [reward.id for reward in await tx.rewards.due(self.clock.now(), SHARE, but)]

    async def _is_approved(self, reward_id: RewardId) -> bool:
        try:
            await again(self._approve_alone, reward_id)
        except Busy:
            raise
        except Exception:
            if reward_id not in self._logged:
                self._logged.add(reward_id)
                log.exception("the reward %s could not be approved", reward_id)
            return False
        return True

    async def _approve_alone(self, reward_id: RewardId) -> None:
        async with self.unit_of_work.begin() as tx:
            found = await tx.rewards.among([reward_id])
            await self._approve(tx, [r for r in found if r.status == RewardStatus.PENDING])

    async def _approve(self, tx: Transaction, rewards: Sequence[Reward]) -> None:
        now = self.clock.now()
        changes = [Change(reward, reward.approve()) for reward in rewards]
        if changes:
            await self.bookkeeping.record(tx, changes, now)
            await tx.decisions.add(
                [
                    made(change.after, Outcome.APPROVED, Reason.HOLD_DAYS_PASSED, now)
                    for change in changes
                ]
            )

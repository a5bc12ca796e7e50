from dataclasses import dataclass

from referral.application.again import again
from referral.application.ports import Clock
from referral.application.rewards.ports import MadeDecision
from referral.application.transaction import UnitOfWork
from referral.application.webhooks.messages import referral_became
from referral.application.webhooks.ports import Listeners
from referral.domain.rewards.qualification import expiry
from referral.domain.webhooks.message import MessageType

SHARE = 100  # so few that nobody waits long for the rows of a share


@dataclass(frozen=True, slots=True)
class ExpireReferrals:
    """Have all referrals expire whose time to qualify has passed, and tell how many; any number of processes share them.

    An event that is told later, but occurred in time, still qualifies one.
    """

    unit_of_work: UnitOfWork
    clock: Clock
    listeners: Listeners

    async def __call__(self) -> int:
        expired = 0
        while share := await again(self._expire_share):
            expired += share
            if share < SHARE:
                break
        return expired

    async def _expire_share(self) -> int:
        async with self.unit_of_work.begin() as tx:
            now = self.clock.now()
            expired = await tx.referrals.expire_overdue(now, SHARE)
            if expired:
                await tx.decisions.add(
                    [MadeDecision(r.referee_id, r.terms_version, expiry(r), now) for r in expired]
                )
            if self.listeners.may_hear(MessageType.REFERRAL_EXPIRED):
                found = [await tx.referrals.find(referral.referee_id) for referral in expired]
                await tx.outbox.add(*(referral_became(named, now) for named in found))
            return len(expired)

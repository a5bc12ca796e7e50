from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from referral.application.rewards.ports import PayoutLine, Payouts
from referral.application.transaction import UnitOfWork
from referral.domain.access.caller import OPERATOR, Caller, Scope
from referral.domain.rewards.reward import PayoutId

AT_A_TIME = 100


@dataclass(frozen=True, slots=True)
class ExportPayouts:
    """What is paid to whom, payout by payout, oldest first, a hundred payouts at a time.

    The first share is there before anything is given. Each is waited for as long as a call may wait, for there is no end
    to how many there are. Raises MissingScope.
    """

    payouts: Payouts
    unit_of_work: UnitOfWork

    async def __call__(self, *, caller: Caller = OPERATOR) -> AsyncIterator[PayoutLine]:
        caller.ensure_may(Scope.REWARDS_READ)
        return self._lines(await self._share(None))

    async def _lines(self, share: Sequence[PayoutLine]) -> AsyncIterator[PayoutLine]:
        while share:
            for line in share:
                yield line
            share = await self._share(share[-1].payout.id)

    async def _share(self, after: PayoutId | None) -> Sequence[PayoutLine]:
        with self.unit_of_work.apart():
            return await self.payouts.lines(after, AT_A_TIME)

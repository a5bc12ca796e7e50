from collections.abc import AsyncIterator
from dataclasses import dataclass

from referral.application.rewards.ports import PayoutLine, Payouts
from referral.domain.access.caller import OPERATOR, Caller, Scope

AT_A_TIME = 100


@dataclass(frozen=True, slots=True)
class ExportPayouts:
    """What is paid to whom, payout by payout, oldest first, a hundred payouts at a time. Raises MissingScope."""

    payouts: Payouts

    async def __call__(self, *, caller: Caller = OPERATOR) -> AsyncIterator[PayoutLine]:
        caller.ensure_may(Scope.REWARDS_READ)
        return self._lines()

    async def _lines(self) -> AsyncIterator[PayoutLine]:
        last = None
        while found := await self.payouts.lines(last, AT_A_TIME):
            for line in found:
                yield line
            last = found[-1].payout.id

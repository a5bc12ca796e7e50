from dataclasses import dataclass

from referral.application.pages import DEFAULT_SIZE, ListPage, ListRequest
from referral.application.rewards.ports import Payouts
from referral.domain.access.caller import OPERATOR, Caller, Scope
from referral.domain.rewards.payout import Payout


@dataclass(frozen=True, slots=True)
class FindPayouts:
    """Payouts, newest first. Raises MissingScope or InvalidInput."""

    payouts: Payouts

    async def __call__(
        self, *, limit: int = DEFAULT_SIZE, cursor: int | None = None, caller: Caller = OPERATOR
    ) -> ListPage[Payout]:
        caller.ensure_may(Scope.REWARDS_READ)
        return await self.payouts.newest(ListRequest.of(limit=limit, cursor=cursor))

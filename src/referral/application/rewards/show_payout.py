from dataclasses import dataclass
from uuid import UUID

from referral.application.rewards.ports import Payouts
from referral.domain.access.caller import OPERATOR, Caller, Scope
from referral.domain.rewards.payout import Payout
from referral.domain.rewards.reward import PayoutId


@dataclass(frozen=True, slots=True)
class ShowPayout:
    """A payout by its id; raise MissingScope or PayoutNotFound."""

    payouts: Payouts

    async def __call__(self, *, payout_id: UUID, caller: Caller = OPERATOR) -> Payout:
        caller.ensure_may(Scope.REWARDS_READ)
        return await self.payouts.find(PayoutId(payout_id))

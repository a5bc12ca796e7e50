from dataclasses import dataclass
from uuid import UUID

from referral.application.programs.ports import NamedReferral, Referrals
from referral.domain.access.caller import OPERATOR, Caller, Scope
from referral.domain.accounts.user import UserId


@dataclass(frozen=True, slots=True)
class ShowReferral:
    """A referral by its id, which is its referee's; raise ReferralNotFound or MissingScope."""

    referrals: Referrals

    async def __call__(self, *, referral_id: UUID, caller: Caller = OPERATOR) -> NamedReferral:
        caller.ensure_may(Scope.PARTICIPANTS_READ)
        return await self.referrals.find(UserId(referral_id))

from dataclasses import dataclass

from referral.application.pages import DEFAULT_SIZE, ListPage, ListRequest
from referral.application.programs.ports import NamedReferral, Referrals
from referral.domain.access.caller import OPERATOR, Caller, Scope


@dataclass(frozen=True, slots=True)
class FindReviews:
    """The referrals that are held until someone decides, newest first. Raises MissingScope or InvalidInput."""

    referrals: Referrals

    async def __call__(
        self, *, limit: int = DEFAULT_SIZE, cursor: int | None = None, caller: Caller = OPERATOR
    ) -> ListPage[NamedReferral]:
        caller.ensure_may(Scope.REWARDS_READ)
        return await self.referrals.held(ListRequest.of(limit=limit, cursor=cursor))

from dataclasses import dataclass

from referral.application.pages import DEFAULT_SIZE, ListPage, ListRequest
from referral.application.rewards.reviews import NamedReview, Reviews
from referral.domain.access.caller import OPERATOR, Caller, Scope
from referral.domain.errors import Checks
from referral.domain.rewards.review import ReviewStatus


@dataclass(frozen=True, slots=True)
class FindReviews:
    """The referrals that are held until someone decides, newest first; or those that were released or rejected.

    Of these, the last decided come first. Raises MissingScope or InvalidInput.
    """

    reviews: Reviews

    async def __call__(
        self,
        *,
        status: str = ReviewStatus.OPEN,
        limit: int = DEFAULT_SIZE,
        cursor: int | None = None,
        caller: Caller = OPERATOR,
    ) -> ListPage[NamedReview]:
        caller.ensure_may(Scope.REWARDS_READ)
        request = ListRequest.of(limit=limit, cursor=cursor)
        checks = Checks()
        with checks.of("status"):
            wanted = ReviewStatus.parse(status)
        checks.done()
        return await self.reviews.page_of(wanted, request)

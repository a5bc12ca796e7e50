from dataclasses import dataclass

from referral.application.page import Page, PageRequest
from referral.application.ports import Referee, Referrals
from referral.domain.user import UserId


@dataclass(frozen=True, slots=True)
class ListReferrals:
    """Whom a referrer brought, newest first; raise InvalidInput for an impossible page.

    Any page costs the same, however long the list. `cursor` is an earlier page's `next_cursor`: walking by
    it neither repeats nor skips anyone while new people sign up.
    """

    referrals: Referrals

    async def __call__(
        self, *, referrer_id: UserId, page: int = 1, size: int = 50, cursor: int | None = None
    ) -> Page[Referee]:
        return await self.referrals.page_of(
            referrer_id, PageRequest.of(page=page, size=size, cursor=cursor)
        )

from dataclasses import dataclass

from referral.application.audit import Audit
from referral.application.pages import Page, PageRequest
from referral.application.programs.ports import Referee, Referrals
from referral.domain.accounts.user import UserId
from referral.domain.programs.errors import NotYourReferrals


@dataclass(frozen=True, slots=True)
class ListReferrals:
    """Whom a referrer brought, newest first, for the referrer alone: a caller who is someone else gets NotYourReferrals.

    Raises InvalidInput for an impossible page.

    Any page costs the same, however long the list. `cursor` is an earlier page's `next_cursor`: walking by
    it neither repeats nor skips anyone while new people sign up.
    """

    referrals: Referrals
    audit: Audit

    async def __call__(
        self,
        *,
        referrer_id: UserId,
        caller_id: UserId | None = None,
        page: int = 1,
        size: int = 50,
        cursor: int | None = None,
    ) -> Page[Referee]:
        if caller_id not in {None, referrer_id}:
            with self.audit.of("list-referrals", caller_id) as deed:
                deed.other_user_id = referrer_id
                raise NotYourReferrals
        return await self.referrals.page_of(
            referrer_id, PageRequest.of(page=page, size=size, cursor=cursor)
        )

from dataclasses import dataclass

from referral.application.pages import Page, PageRequest
from referral.application.programs.ports import ReferralCodes
from referral.domain.accounts.user import UserId
from referral.domain.programs.referral_code import ReferralCode


@dataclass(frozen=True, slots=True)
class ListCodes:
    """The caller's codes, oldest first, without withdrawn ones; raise InvalidInput for an impossible page."""

    codes: ReferralCodes

    async def __call__(
        self, *, owner_id: UserId, page: int = 1, size: int = 50
    ) -> Page[ReferralCode]:
        return await self.codes.page_of(owner_id, PageRequest.of(page=page, size=size))

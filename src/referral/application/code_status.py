from dataclasses import dataclass

from referral.application.ports import ReferralCodes
from referral.domain.errors import CodeNotFound, InvalidInput
from referral.domain.referral_code import CodeText, ReferralCode


@dataclass(frozen=True, slots=True)
class CodeStatus:
    """Look up a code by its text, expired or not; raise CodeNotFound for an unknown or a withdrawn one."""

    codes: ReferralCodes

    async def __call__(self, *, code: str) -> ReferralCode:
        try:
            found = await self.codes.by_text(CodeText.parse(code))
        except InvalidInput:
            raise CodeNotFound from None
        if found.retired_at is not None:
            raise CodeNotFound
        return found

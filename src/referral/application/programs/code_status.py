from dataclasses import dataclass

from referral.application.audit import Audit
from referral.application.programs.code_guesses import CodeGuesses
from referral.application.programs.ports import ReferralCodes
from referral.domain.errors import InvalidInput
from referral.domain.programs.errors import CodeNotFound
from referral.domain.programs.referral_code import CodeText, ReferralCode


@dataclass(frozen=True, slots=True)
class CodeStatus:
    """Look up a code by its text, expired or not.

    Raises CodeNotFound for an unknown or a withdrawn one; TooManyAttempts for an address that tries many of them.
    """

    codes: ReferralCodes
    code_guesses: CodeGuesses
    audit: Audit

    async def __call__(self, *, code: str, client_address: str | None = None) -> ReferralCode:
        with self.audit.of_refusals("code-status"):
            return await self.code_guesses.counted(self._found, code, client_address)

    async def _found(self, code: str) -> ReferralCode:
        try:
            found = await self.codes.by_text(CodeText.parse(code))
        except InvalidInput:
            raise CodeNotFound from None
        if found.retired_at is not None:
            raise CodeNotFound
        return found

from dataclasses import dataclass
from datetime import timedelta

from referral.application.access.limit import Limit
from referral.application.access.ports import RateLimiter
from referral.application.accounts.ports import EmailAddresses
from referral.application.audit import Audit
from referral.application.ports import Clock
from referral.application.programs.ports import ReferralCodes
from referral.domain.accounts.user import PublicUser, UserId
from referral.domain.errors import InvalidInput
from referral.domain.programs.errors import CodeNotFound
from referral.domain.programs.referral_code import ReferralCode

PER_MINUTE = Limit(hits=30, window=timedelta(minutes=1))
PER_HOUR = Limit(hits=300, window=timedelta(hours=1))


@dataclass(frozen=True, slots=True)
class FindCode:
    """Look up the active code of the user with this e-mail address, and the user.

    Raises CodeNotFound, whether the address is nobody's or its owner has no active code; TooManyAttempts
    for a caller who tries one address after another.
    """

    codes: ReferralCodes
    email_addresses: EmailAddresses
    rate_limiter: RateLimiter
    clock: Clock
    audit: Audit

    async def __call__(
        self, *, email: str, caller_id: UserId | None = None
    ) -> tuple[ReferralCode, PublicUser]:
        try:
            address = self.email_addresses.parse(email)
        except InvalidInput:
            raise CodeNotFound from None
        if caller_id is not None:
            with self.audit.of_refusals("find-code", caller_id):
                await self.rate_limiter.hit(
                    {
                        f"find-code:hour:{caller_id}": PER_HOUR,
                        f"find-code:minute:{caller_id}": PER_MINUTE,
                    }
                )
        return await self.codes.active_by_email(address, self.clock.now())

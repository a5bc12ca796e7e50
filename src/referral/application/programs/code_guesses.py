from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from referral.application.access.limit import Limit
from referral.application.access.ports import RateLimiter
from referral.domain.errors import NotFound
from referral.domain.programs.referral_code import ReferralCode

PER_ADDRESS = Limit(hits=20, window=timedelta(minutes=1))


@dataclass(frozen=True, slots=True)
class CodeGuesses:
    """Slows down who tries one code after another, be it to look at or to sign up with."""

    rate_limiter: RateLimiter

    async def counted(
        self,
        look_up: Callable[[str], Awaitable[ReferralCode]],
        code: str,
        client_address: str | None,
    ) -> ReferralCode:
        """What the look-up finds; count it if it finds none, and raise TooManyAttempts where that happened too often.

        Only then is the count asked for: what is found costs no query more.
        """
        bucket = f"code:{client_address}"
        if client_address is not None:
            self.rate_limiter.ensure_open(bucket)
        try:
            return await look_up(code)
        except NotFound:
            if client_address is not None:
                await self.rate_limiter.hit({bucket: PER_ADDRESS})
            raise

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from referral.application.access.limit import Limit
from referral.application.access.ports import RateLimiter
from referral.domain.errors import NotFound

PER_ADDRESS = Limit(hits=20, window=timedelta(minutes=1))


@dataclass(frozen=True, slots=True)
class CodeGuesses:
    """Slows down who tries one code after another, be it to look at or to sign up with."""

    rate_limiter: RateLimiter

    @asynccontextmanager
    async def counted(self, client_address: str | None) -> AsyncIterator[None]:
        """Count the block if it finds no code; raise TooManyAttempts for an address where it found too few.

        Only then is the count asked for: what is found costs no query more.
        """
        bucket = f"code:{client_address}"
        if client_address is not None:
            self.rate_limiter.ensure_open(bucket)
        try:
            yield
        except NotFound:
            if client_address is not None:
                await self.rate_limiter.hit({bucket: PER_ADDRESS})
            raise

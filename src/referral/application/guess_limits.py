from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from referral.application.ports import Limit, RateLimiter
from referral.domain.errors import WrongCredentials, WrongPassword

PER_ACCOUNT_AND_ADDRESS = Limit(hits=5, window=timedelta(minutes=5))
PER_ADDRESS = Limit(hits=10, window=timedelta(minutes=1))
# Far above the other two, so that whoever guesses at an account does not lock its owner out.
PER_ACCOUNT = Limit(hits=50, window=timedelta(minutes=5))


@dataclass(frozen=True, slots=True)
class GuessLimits:
    """Slows down who guesses passwords, at one account or at many."""

    rate_limiter: RateLimiter

    @asynccontextmanager
    async def attempt(self, account: str, client_address: str | None) -> AsyncIterator[None]:
        """Count the block as a guess, unless it turns out that the password was not wrong.

        It is counted before it is checked, so that guesses sent together are no way round the limit.
        Raises TooManyAttempts.
        """
        limits = {}
        if client_address is not None:
            limits[f"guess:both:{client_address}:{account}"] = PER_ACCOUNT_AND_ADDRESS
            limits[f"guess:address:{client_address}"] = PER_ADDRESS
        # Last, so that what the others refuse does not count here.
        limits[f"guess:account:{account}"] = PER_ACCOUNT
        for bucket, limit in limits.items():
            await self.rate_limiter.hit(bucket, limit)
        wrong = False
        try:
            yield
        except (WrongCredentials, WrongPassword):
            wrong = True
            raise
        finally:
            if not wrong:
                for bucket in limits:
                    await self.rate_limiter.give_back(bucket)

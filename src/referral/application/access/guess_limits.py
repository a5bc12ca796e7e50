from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from referral.application.access.limit import SOON, Limit, Use
from referral.application.access.ports import RateLimiter
from referral.domain.access.errors import TooManyAttempts, WrongCredentials
from referral.domain.accounts.errors import WrongPassword
from referral.domain.accounts.user import UserId

PER_ADDRESS = Limit(hits=10, window=timedelta(minutes=1))
PER_ACCOUNT_AND_ADDRESS = Limit(hits=5, window=timedelta(minutes=5))
PER_ACCOUNT = Limit(hits=50, window=timedelta(minutes=5))
# What is left to each address once PER_ACCOUNT is reached: the owner may be at any of them.
WHILE_OTHERS_GUESS = replace(PER_ACCOUNT_AND_ADDRESS, hits=1)

KNOWN_FOR = timedelta(days=30)
RENEWED_WITHIN = timedelta(days=15)


@dataclass(frozen=True, slots=True)
class GuessLimits:
    """Slows down who guesses passwords, at one account or at many, without locking the owner out.

    An account is a user's id or, where there is no such user, the name that was tried.
    """

    rate_limiter: RateLimiter

    def ensure_open(self, name: str, client_address: str | None) -> None:
        """Raise TooManyAttempts if an attempt under this name was refused and still would be; asks nobody."""
        self.rate_limiter.ensure_open(_refused(name, client_address))

    @asynccontextmanager
    async def attempt(
        self, account: UserId | str, client_address: str | None, name: str = ""
    ) -> AsyncIterator[None]:
        """Count the block as a hit if it finds the password wrong; raise TooManyAttempts instead of running it.

        It counts while it runs as well, so that guesses sent together are no way round.
        """
        buckets = _Buckets.of(account, client_address)
        try:
            used = await self.rate_limiter.look(*buckets)
            limits = _limits(buckets, used, somewhere=client_address is not None)
            for bucket, limit in limits.items():
                # Before anything is written: what is refused leaves no row for a name that was made up.
                limit.ensure_room(used[bucket])
            await self.rate_limiter.start(limits)
        except TooManyAttempts as refused:
            if name and (time := timedelta(seconds=refused.retry_after)) > SOON:
                self.rate_limiter.close(_refused(name, client_address), time)
            raise
        wrong = 0
        try:
            yield
        except (WrongCredentials, WrongPassword):
            wrong = 1
            raise
        finally:
            await self.rate_limiter.finish(limits, hits=wrong)
        if client_address is not None and used[buckets.known].ends_in < RENEWED_WITHIN:
            await self.rate_limiter.remember(buckets.known, KNOWN_FOR)


class _Buckets(NamedTuple):
    account: str
    address: str
    both: str
    known: str

    @classmethod
    def of(cls, account: UserId | str, client_address: str | None) -> "_Buckets":
        whose = f"{'user' if isinstance(account, UUID) else 'name'}:{account}"
        return cls(
            account=f"guess:account:{whose}",
            address=f"guess:address:{client_address}",
            both=f"guess:both:{client_address}:{whose}",
            known=f"guess:known:{client_address}:{whose}",
        )


def _limits(buckets: _Buckets, used: Mapping[str, Use], *, somewhere: bool) -> dict[str, Limit]:
    if not somewhere:
        return {buckets.account: PER_ACCOUNT}
    is_known = used[buckets.known].hits > 0
    others_guess = not is_known and PER_ACCOUNT.is_reached(used[buckets.account])
    return {
        buckets.both: WHILE_OTHERS_GUESS if others_guess else PER_ACCOUNT_AND_ADDRESS,
        buckets.address: PER_ADDRESS.lifted() if is_known else PER_ADDRESS,
        buckets.account: PER_ACCOUNT.lifted(),
    }


def _refused(name: str, client_address: str | None) -> str:
    return f"guess:refused:{client_address}:{name}"

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from referral.application.access.limit import Limit
from referral.application.access.ports import ApiKeys, RateLimiter
from referral.application.audit import Audit
from referral.application.instant import instant
from referral.application.ports import Clock, Randomness
from referral.domain.access.api_key import (
    ApiKey,
    digest_of_key,
    ensure_may_end,
    key_name,
    key_of,
)
from referral.domain.access.caller import OPERATOR, Caller, KeyId, Scope
from referral.domain.errors import Checks, InvalidInput

# Every process keeps every key in memory.
PER_CALLER = Limit(hits=60, window=timedelta(hours=1))


@dataclass(frozen=True, slots=True)
class CreateKey:
    """Make an API key, and give it this once; it is good on every process within a second.

    `expires_at` is a time, or the text of one; without an offset it is taken as UTC. Raises InvalidInput, MissingScope,
    also for a scope that the caller lacks, or TooManyAttempts.
    """

    api_keys: ApiKeys
    randomness: Randomness
    clock: Clock
    rate_limiter: RateLimiter
    audit: Audit

    async def __call__(
        self,
        *,
        name: str,
        scopes: Collection[str],
        expires_at: datetime | str | None = None,
        caller: Caller = OPERATOR,
    ) -> tuple[ApiKey, str]:
        now = self.clock.now()
        checks = Checks()
        with checks.of("name"):
            known_as = key_name(name)
        with checks.of("scopes"):
            wanted = frozenset(map(Scope.parse, scopes))
            if not wanted:
                raise InvalidInput("A key has at least one scope.")
        until = None
        with checks.of("expires_at"):
            if expires_at is not None:
                until = instant(expires_at)
                ensure_may_end(until, now)
        checks.done()
        with self.audit.by(caller, "create-key") as deed:
            for scope in (Scope.KEYS_WRITE, *sorted(wanted)):
                caller.ensure_may(scope)
            if caller != OPERATOR:
                await self.rate_limiter.hit({f"create-key:{caller}": PER_CALLER})
            secret = key_of(self.randomness.api_key_secret())
            key = ApiKey(
                id=KeyId(self.randomness.new_id()),
                name=known_as,
                digest=digest_of_key(secret),
                scopes=wanted,
                created_at=now,
                expires_at=until,
            )
            deed.other_key_id = key.id
            await self.api_keys.add(key)
            return key, secret

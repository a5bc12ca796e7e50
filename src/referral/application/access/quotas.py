import asyncio
import math
from dataclasses import dataclass, field
from datetime import UTC, datetime

from referral.application.access.limit import Limit
from referral.application.access.ports import RateLimiter
from referral.application.ports import Clock
from referral.domain.access.caller import KeyId
from referral.domain.access.errors import QuotaExceeded

# Of a limit, taken at a time: so many calls cost one query.
PART = 100
LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Quota:
    """What a key has left: so many calls, until so many seconds have passed; `is_exceeded` by this one."""

    limit: Limit
    remaining: int
    resets_in: int
    is_exceeded: bool

    def ensure_room(self) -> None:
        """Raise QuotaExceeded for the call that is one too many."""
        if self.is_exceeded:
            raise QuotaExceeded(max(1, self.resets_in))


@dataclass(slots=True)
class _Lease:
    """What this process may let through without asking: `left`; to the others `free` was left when it last asked."""

    left: int = 0
    free: int = 0
    ends_at: datetime = LONG_AGO
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def is_enough(self, now: datetime) -> bool:
        return now < self.ends_at and (self.left > 0 or self.free == 0)


@dataclass(frozen=True, slots=True)
class Quotas:
    """How many calls each API key may still make, over all processes.

    A process takes a hundredth of the limit at a time: no call beyond the limit gets through, and of those within it
    the ones are refused that other processes hold and do not need.
    """

    rate_limiter: RateLimiter
    clock: Clock
    limit: Limit
    _leases: dict[KeyId, _Lease] = field(default_factory=dict)

    async def count(self, key_id: KeyId) -> Quota:
        """Count a call with this key."""
        lease = self._leases.setdefault(key_id, _Lease())
        now = self.clock.now()
        if not lease.is_enough(now):
            async with lease.turn:
                if not lease.is_enough(now):  # another call may have asked meanwhile
                    await self._renew(lease, key_id, now)
        is_exceeded = lease.left == 0
        if not is_exceeded:
            lease.left -= 1
        resets_in = max(0, math.ceil((lease.ends_at - now).total_seconds()))
        return Quota(self.limit, lease.left + lease.free, resets_in, is_exceeded)

    async def _renew(self, lease: _Lease, key_id: KeyId, now: datetime) -> None:
        part = max(1, self.limit.hits // PART)
        taken, use = await self.rate_limiter.take(f"key:{key_id}", self.limit, part)
        left = lease.left if now < lease.ends_at else 0
        lease.left = left + taken
        lease.free = max(0, self.limit.hits - use.hits)
        lease.ends_at = now + use.ends_in

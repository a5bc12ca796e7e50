import hashlib
import math
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import DateTime, Integer, bindparam, case, func, update
from sqlalchemy.dialects.postgresql import insert

from referral.adapters.postgres.database import Queries
from referral.adapters.postgres.statement import Statement
from referral.adapters.postgres.tables import rate_limits
from referral.application.ports import Clock, Limit
from referral.domain.errors import TooManyAttempts

_now = bindparam("now", type_=DateTime(timezone=True))
_resets_at = bindparam("resets_at", type_=DateTime(timezone=True))
_over = rate_limits.c.resets_at <= _now
_HIT = Statement(
    insert(rate_limits)
    .values(bucket=bindparam("bucket"), hits=1, resets_at=_resets_at)
    .on_conflict_do_update(
        index_elements=["bucket"],
        set_={
            "hits": case((_over, 1), else_=rate_limits.c.hits + 1),
            "resets_at": case((_over, _resets_at), else_=rate_limits.c.resets_at),
        },
    )
    .returning(rate_limits.c.hits, rate_limits.c.resets_at)
)
_GIVE_BACK = Statement(
    update(rate_limits)
    .values(hits=func.greatest(rate_limits.c.hits - 1, 0, type_=Integer))
    .where(rate_limits.c.bucket == bindparam("which"))
)


# A flood costs the database one statement a bucket in so long, and a worker the memory for so many.
REMEMBERED = timedelta(seconds=1)
MOST_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class PostgresRateLimiter:
    """Counts in fixed windows, one row a bucket; `PostgresHousekeeping` sweeps those that are over.

    A bucket found full is refused for a second without asking again, unless this process gives something back.
    """

    queries: Queries
    clock: Clock
    _full: dict[bytes, tuple[datetime, datetime]] = field(default_factory=dict)

    async def hit(self, bucket: str, limit: Limit) -> None:
        key = _digest(bucket)
        now = self.clock.now()
        found_at, resets_at = self._full.get(key, (now, now))
        if now < min(found_at + REMEMBERED, resets_at):
            raise _refused(now, resets_at)
        row = await self.queries.one(_HIT, bucket=key, now=now, resets_at=now + limit.window)
        if row is not None and row["hits"] > limit.hits:
            if len(self._full) >= MOST_REMEMBERED:
                self._full.clear()
            self._full[key] = now, row["resets_at"]
            raise _refused(now, row["resets_at"])

    async def give_back(self, bucket: str) -> None:
        key = _digest(bucket)
        await self.queries.one(_GIVE_BACK, which=key)
        self._full.pop(key, None)


def _refused(now: datetime, resets_at: datetime) -> TooManyAttempts:
    return TooManyAttempts(max(1, math.ceil((resets_at - now).total_seconds())))


def _digest(bucket: str) -> bytes:
    """Of one size, whatever a caller sends, and no list of who tried to log in."""
    return hashlib.sha256(bucket.encode("utf-8", "surrogatepass")).digest()

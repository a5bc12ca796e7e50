import hashlib
import math
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class PostgresRateLimiter:
    """Counts in fixed windows, one row a bucket; `PostgresHousekeeping` sweeps those that are over."""

    queries: Queries
    clock: Clock

    async def hit(self, bucket: str, limit: Limit) -> None:
        now = self.clock.now()
        row = await self.queries.one(
            _HIT, bucket=_digest(bucket), now=now, resets_at=now + limit.window
        )
        if row is not None and row["hits"] > limit.hits:
            raise TooManyAttempts(max(1, math.ceil((row["resets_at"] - now).total_seconds())))

    async def give_back(self, bucket: str) -> None:
        await self.queries.one(_GIVE_BACK, which=_digest(bucket))


def _digest(bucket: str) -> bytes:
    """Of one size, whatever a caller sends, and no list of who tried to log in."""
    return hashlib.sha256(bucket.encode("utf-8", "surrogatepass")).digest()

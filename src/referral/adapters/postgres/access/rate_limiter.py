import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import asyncpg
from sqlalchemy import (
    ARRAY,
    Integer,
    LargeBinary,
    any_,
    bindparam,
    case,
    column,
    func,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from referral.adapters.postgres.access.tables import rate_limits
from referral.adapters.postgres.core.database import Queries
from referral.adapters.postgres.core.metadata import INSTANT
from referral.adapters.postgres.core.statement import Statement
from referral.application.access.limit import Limit, Use, refused_for
from referral.application.access.ports import IN_PROGRESS
from referral.application.ports import Clock
from referral.domain.access.errors import TooManyAttempts

_now = bindparam("now", type_=INSTANT)
_keys = bindparam("keys", type_=ARRAY(LargeBinary))
_window_is_over = rate_limits.c.resets_at <= _now
_in_progress = case(
    (rate_limits.c.in_progress_until > _now, rate_limits.c.in_progress), else_=0
).label("in_progress")
_use = (rate_limits.c.bucket, rate_limits.c.hits, _in_progress, rate_limits.c.resets_at)

_given = (
    func.unnest(_keys, bindparam("ends", type_=ARRAY(INSTANT)))
    .table_valued(column("bucket", LargeBinary), column("resets_at", INSTANT))
    .render_derived()
)
_new = insert(rate_limits).from_select(
    ["bucket", "resets_at", "hits", "in_progress", "in_progress_until"],
    select(
        *_given.c,
        bindparam("hits", type_=Integer),
        bindparam("started", type_=Integer),
        bindparam("until", type_=INSTANT),
    ),
)
_ADD = Statement(
    _new.on_conflict_do_update(
        index_elements=["bucket"],
        set_={
            "resets_at": case(
                (_window_is_over, _new.excluded.resets_at), else_=rate_limits.c.resets_at
            ),
            "hits": case((_window_is_over, 0), else_=rate_limits.c.hits) + _new.excluded.hits,
            "in_progress": _in_progress + _new.excluded.in_progress,
            "in_progress_until": func.greatest(
                rate_limits.c.in_progress_until, _new.excluded.in_progress_until
            ),
        },
    ).returning(*_use),
    on_the_side=True,
)
_LOOK = Statement(select(*_use).where(rate_limits.c.bucket == any_(_keys), ~_window_is_over))
_FINISH = Statement(
    update(rate_limits)
    .values(
        hits=rate_limits.c.hits + bindparam("more", type_=Integer),
        in_progress=func.greatest(rate_limits.c.in_progress - 1, 0, type_=Integer),
    )
    .where(
        rate_limits.c.bucket.in_(
            select(rate_limits.c.bucket)
            .where(rate_limits.c.bucket == any_(_keys))
            .order_by(rate_limits.c.bucket)
            .with_for_update()
        )
    ),
    on_the_side=True,
)
_remembered = insert(rate_limits).values(
    bucket=bindparam("which"), hits=1, resets_at=bindparam("end")
)
_REMEMBER = Statement(
    _remembered.on_conflict_do_update(
        index_elements=["bucket"], set_={"hits": 1, "resets_at": _remembered.excluded.resets_at}
    ),
    on_the_side=True,
)

# A flood costs a worker the memory for so many.
MOST_CLOSED = 10_000


@dataclass(frozen=True, slots=True)
class PostgresRateLimiter:
    """Counts in fixed windows, one row a bucket; `PostgresHousekeeping` sweeps those that are over.

    Each statement locks its rows in the order of their keys, so that no two wait for each other.
    """

    queries: Queries
    clock: Clock
    _closed_until: dict[bytes, datetime] = field(default_factory=dict)

    def ensure_open(self, bucket: str) -> None:
        if self._closed_until:
            now = self.clock.now()
            until = self._closed_until.get(_key(bucket), now)
            if now < until:
                raise refused_for(until - now)

    def close(self, bucket: str, time: timedelta) -> None:
        if len(self._closed_until) >= MOST_CLOSED:
            self._closed_until.clear()
        self._closed_until[_key(bucket)] = self.clock.now() + time

    async def hit(self, limits: Mapping[str, Limit]) -> None:
        for bucket in limits:
            self.ensure_open(bucket)
        for bucket, use in (await self._add(limits, hits=1)).items():
            if use.hits >= limits[bucket].hits:
                self.close(bucket, use.ends_in)
            limits[bucket].ensure_room(replace(use, hits=use.hits - 1))

    async def take(self, bucket: str, limit: Limit, hits: int) -> tuple[int, Use]:
        use = (await self._add({bucket: limit}, hits=hits))[bucket]
        return max(0, hits - max(0, use.hits - limit.hits)), use

    async def look(self, *buckets: str) -> Mapping[str, Use]:
        now = self.clock.now()
        keys = [_key(bucket) for bucket in buckets]
        return _uses(buckets, await self.queries.all(_LOOK, keys=keys, now=now), now)

    async def start(self, limits: Mapping[str, Limit]) -> None:
        used = await self._add(limits, started=1)
        try:
            for bucket, use in used.items():
                limits[bucket].ensure_room(replace(use, in_progress=use.in_progress - 1))
        except TooManyAttempts:
            await self.finish(limits, hits=0)
            raise

    async def finish(self, buckets: Collection[str], *, hits: int) -> None:
        await self.queries.execute(_FINISH, keys=[_key(bucket) for bucket in buckets], more=hits)

    async def remember(self, bucket: str, time: timedelta) -> None:
        await self.queries.execute(_REMEMBER, which=_key(bucket), end=self.clock.now() + time)

    async def _add(
        self, limits: Mapping[str, Limit], *, hits: int = 0, started: int = 0
    ) -> dict[str, Use]:
        now = self.clock.now()
        ends = sorted((_key(bucket), now + limit.window) for bucket, limit in limits.items())
        rows = await self.queries.all(
            _ADD,
            keys=[key for key, _ in ends],
            ends=[end for _, end in ends],
            now=now,
            hits=hits,
            started=started,
            until=now + IN_PROGRESS if started else None,
        )
        return _uses(limits, rows, now)


def _uses(buckets: Iterable[str], rows: Iterable[asyncpg.Record], now: datetime) -> dict[str, Use]:
    uses = {
        row["bucket"]: Use(row["hits"], row["in_progress"], row["resets_at"] - now) for row in rows
    }
    return {bucket: uses.get(_key(bucket), Use()) for bucket in buckets}


def _key(bucket: str) -> bytes:
    """Of one size, whatever a caller sends, and no list of who tried to log in."""
    return hashlib.sha256(bucket.encode("utf-8", "surrogatepass")).digest()

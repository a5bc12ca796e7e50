import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from sqlalchemy import DateTime, bindparam, delete, select

from referral.adapters.postgres.clock import PostgresClock
from referral.adapters.postgres.database import Queries
from referral.adapters.postgres.revocations import PostgresRevocations
from referral.adapters.postgres.statement import Statement
from referral.adapters.postgres.tables import (
    idempotency_records,
    rate_limits,
    refresh_tokens,
    users,
)
from referral.domain.errors import DatabaseUnavailable

REFRESH_SECONDS = 0.3
SWEEP_SECONDS = 60

_now = bindparam("now", type_=DateTime(timezone=True))
_SWEEPS = (
    Statement(delete(rate_limits).where(rate_limits.c.resets_at <= _now)),
    Statement(delete(refresh_tokens).where(refresh_tokens.c.expires_at <= _now)),
    Statement(delete(idempotency_records).where(idempotency_records.c.expires_at <= _now)),
)

_LOOK = Statement(select(users.c.id).limit(1))


@dataclass(frozen=True, slots=True)
class PostgresHousekeeping:
    """What a serving process does on the side: keep the time and the revocations fresh, sweep what has expired."""

    queries: Queries
    clock: PostgresClock
    revocations: PostgresRevocations

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep house for as long as the block runs; while the database is away, try again and again."""
        with suppress(DatabaseUnavailable):
            await self.clock.look()
        chores = [
            asyncio.create_task(self._every(REFRESH_SECONDS, self.refresh)),
            asyncio.create_task(self._every(SWEEP_SECONDS, self.sweep)),
        ]
        try:
            yield
        finally:
            for chore in chores:
                chore.cancel()
            await asyncio.gather(*chores, return_exceptions=True)

    async def ensure_ready(self) -> None:
        """Raise DatabaseUnavailable unless the database answers and has the tables."""
        await self.queries.one(_LOOK)

    async def refresh(self) -> None:
        await self.clock.look()
        await self.revocations.refresh()

    async def sweep(self) -> None:
        for statement in _SWEEPS:
            await self.queries.one(statement, now=self.clock.now())

    @staticmethod
    async def _every(seconds: float, chore: Callable[[], Awaitable[None]]) -> None:
        while True:
            with suppress(DatabaseUnavailable):
                await chore()
            await asyncio.sleep(seconds)

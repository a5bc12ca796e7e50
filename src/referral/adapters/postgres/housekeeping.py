from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    Table,
    any_,
    bindparam,
    delete,
    func,
    literal_column,
    select,
    true,
)

from referral.adapters.postgres.access.key_ring import PostgresKeyRing
from referral.adapters.postgres.access.standing import PostgresStanding
from referral.adapters.postgres.core.clock import PostgresClock
from referral.adapters.postgres.core.database import Queries
from referral.adapters.postgres.core.metadata import INSTANT
from referral.adapters.postgres.core.statement import Statement
from referral.adapters.postgres.tables import (
    idempotency_records,
    network_sightings,
    rate_limits,
    refresh_tokens,
    users,
    webhook_deliveries,
    webhook_endpoints,
)
from referral.adapters.postgres.webhooks.outbox import PostgresListeners
from referral.domain.errors import DatabaseUnavailable
from referral.domain.programs.terms import NETWORK_HOURS

REFRESH_SECONDS = 0.3
SWEEP_SECONDS = 60

MEMORY_OF_NETWORKS = timedelta(hours=NETWORK_HOURS)

# So few that they are deleted in good time, however many there are in all.
SWEPT_AT_A_TIME = 10_000


def _place(table: Table) -> ColumnElement[Any]:
    return literal_column(f"{table.name}.ctid").label("place")


def _some(table: Table, is_over: ColumnElement[bool]) -> Select[Any]:
    """Where some rows are, save for those that someone else has locked."""
    some = select(_place(table)).where(is_over).limit(SWEPT_AT_A_TIME)
    return some.with_for_update(skip_locked=True)


def _sweep(table: Table, over: Select[Any]) -> Statement:
    """Delete what is over, and tell how many rows they were."""
    place = _place(table)
    swept = delete(table).where(place == any_(func.array(over.scalar_subquery()))).returning(place)
    counted = select(func.count().label("rows")).select_from(swept.cte("swept"))
    return Statement(counted, on_the_side=True)


_now = bindparam("now", type_=INSTANT)
# In the order of an index: else PostgreSQL reads the whole table to find that a deleted endpoint has none.
_of_endpoint = (
    _some(webhook_deliveries, webhook_deliveries.c.endpoint_id == webhook_endpoints.c.id)
    .order_by(webhook_deliveries.c.message_id)
    .lateral("of_endpoint")
)
_of_deleted = (
    select(_of_endpoint.c.place)
    .select_from(webhook_endpoints)
    .join(_of_endpoint, true())
    .where(webhook_endpoints.c.deleted_at.is_not(None))
    .limit(SWEPT_AT_A_TIME)
)
_SWEEPS = (
    *(
        _sweep(table, _some(table, ends_at <= _now))
        for table, ends_at in (
            (rate_limits, rate_limits.c.resets_at),
            (refresh_tokens, refresh_tokens.c.expires_at),
            (idempotency_records, idempotency_records.c.expires_at),
            (webhook_deliveries, webhook_deliveries.c.expires_at),
        )
    ),
    _sweep(
        network_sightings,
        _some(network_sightings, network_sightings.c.seen_at <= _now - MEMORY_OF_NETWORKS),
    ),
    _sweep(webhook_deliveries, _of_deleted),
)

# As a write it needs the table, the right to change it, and a server that is no standby; it locks no row.
_LOOK = Statement(select(users.c.id).limit(0).with_for_update())


@dataclass(frozen=True, slots=True)
class PostgresHousekeeping:
    """What a serving process does on the side: keep the time fresh and who may call, sweep what has expired."""

    queries: Queries
    clock: PostgresClock
    standing: PostgresStanding
    key_ring: PostgresKeyRing
    listeners: PostgresListeners

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Look at the time before the block, and leave nothing unwritten after it; while it runs, do the `chores`."""
        with suppress(DatabaseUnavailable):
            await self.clock.look()
        try:
            yield
        finally:
            with suppress(DatabaseUnavailable):
                await self.key_ring.write_uses()

    @property
    def chores(self) -> Sequence[tuple[float, Callable[[], Awaitable[None]]]]:
        """What each process has to do, and every how many seconds."""
        return [(REFRESH_SECONDS, self.refresh), (SWEEP_SECONDS, self.sweep)]

    async def ensure_ready(self) -> None:
        """Raise DatabaseUnavailable unless the time is known, and the database answers, has the tables, and lets them
        be changed.
        """
        self.clock.now()
        await self.queries.one(_LOOK)

    async def refresh(self) -> None:
        await self.clock.look()
        await self.standing.refresh()
        await self.key_ring.refresh()
        await self.listeners.refresh()

    async def sweep(self) -> None:
        for statement in _SWEEPS:
            swept = SWEPT_AT_A_TIME
            while swept == SWEPT_AT_A_TIME:
                [row] = await self.queries.all(statement, now=self.clock.now())
                swept = row["rows"]

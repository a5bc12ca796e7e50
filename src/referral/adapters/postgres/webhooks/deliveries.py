from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Text,
    Uuid,
    any_,
    bindparam,
    column,
    exists,
    func,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY

from referral.adapters.postgres.core.database import Queries
from referral.adapters.postgres.core.metadata import INSTANT
from referral.adapters.postgres.core.statement import Statement
from referral.adapters.postgres.webhooks.endpoints import ENDPOINT_COLUMNS, endpoint_from
from referral.adapters.postgres.webhooks.outbox import ACTIVE
from referral.adapters.postgres.webhooks.tables import webhook_deliveries, webhook_endpoints
from referral.application.pages import ListPage, ListRequest
from referral.application.webhooks.ports import Lane
from referral.domain.webhooks.delivery import Delivery, DeliveryStatus
from referral.domain.webhooks.endpoint import EndpointId
from referral.domain.webhooks.message import MessageType

_TRIED: dict[str, Any] = {
    "status": Text,
    "attempts": Integer,
    "next_attempt_at": INSTANT,
    "last_attempt_at": INSTANT,
    "last_status": Integer,
    "last_answer": Text,
    "expires_at": INSTANT,
}
_NAMES = ("endpoint_id", "message_id", "type", "body", "created_at", *_TRIED)
_COLUMNS = tuple(webhook_deliveries.c[name] for name in _NAMES)


def _delivery_from(row: asyncpg.Record) -> Delivery:
    values = {
        **dict(row),
        "type": MessageType(row["type"]),
        "status": DeliveryStatus(row["status"]),
    }
    return Delivery(**values)


_size = bindparam("size", type_=BigInteger)
_now = bindparam("now", type_=INSTANT)
# Spelled out, for the index is of these alone.
_PENDING: ColumnElement[str] = literal_column("'pending'")
_is_due = (webhook_deliveries.c.status == _PENDING) & (webhook_deliveries.c.next_attempt_at <= _now)
_free = (
    select(webhook_endpoints.c.id)
    .where(
        ACTIVE,
        or_(webhook_endpoints.c.lane_until.is_(None), webhook_endpoints.c.lane_until <= _now),
        exists().where(webhook_deliveries.c.endpoint_id == webhook_endpoints.c.id, _is_due),
    )
    .limit(_size)
    .with_for_update(skip_locked=True)
)
_TAKE = Statement(
    update(webhook_endpoints)
    .values(lane=func.gen_random_uuid(), lane_until=bindparam("until"))
    .where(webhook_endpoints.c.id == any_(func.array(_free.scalar_subquery())))
    .returning(*ENDPOINT_COLUMNS, webhook_endpoints.c.lane),
    on_the_side=True,
)
_END = Statement(
    update(webhook_endpoints)
    .values(lane_until=bindparam("until"))
    .where(
        webhook_endpoints.c.id == bindparam("endpoint_id"),
        webhook_endpoints.c.lane == bindparam("holder"),
    ),
    on_the_side=True,
)
_DUE = Statement(
    select(*_COLUMNS)
    .join_from(
        webhook_deliveries,
        webhook_endpoints,
        (webhook_endpoints.c.id == webhook_deliveries.c.endpoint_id) & ACTIVE,
    )
    .where(webhook_deliveries.c.endpoint_id == bindparam("endpoint_id", type_=Uuid), _is_due)
    .order_by(webhook_deliveries.c.next_attempt_at, webhook_deliveries.c.number)
    .limit(_size)
)
_kinds: dict[str, Any] = {"endpoint_id": Uuid, "message_id": Uuid, **_TRIED}
_tried = (
    func.unnest(*(bindparam(f"{name}s", type_=ARRAY(kind)) for name, kind in _kinds.items()))
    .table_valued(*(column(name, kind) for name, kind in _kinds.items()), name="tried")
    .render_derived()
)
_RECORD = Statement(
    update(webhook_deliveries)
    .values({name: _tried.c[name] for name in _TRIED})
    .where(
        webhook_deliveries.c.endpoint_id == _tried.c.endpoint_id,
        webhook_deliveries.c.message_id == _tried.c.message_id,
        webhook_deliveries.c.status == _PENDING,
    ),
    on_the_side=True,
)
_after = bindparam("after", type_=Uuid)
_PAGE = Statement(
    select(*_COLUMNS)
    .where(
        webhook_deliveries.c.endpoint_id == bindparam("endpoint_id"),
        or_(_after.is_(None), webhook_deliveries.c.message_id < _after),
    )
    .order_by(webhook_deliveries.c.message_id.desc())
    .limit(_size)
)


@dataclass(frozen=True, slots=True)
class PostgresDeliveries:
    queries: Queries

    async def take(self, now: datetime, until: datetime, most: int) -> Sequence[Lane]:
        rows = await self.queries.all(_TAKE, now=now, until=until, size=most)
        return [Lane(endpoint_from(row), row["lane"]) for row in rows]

    async def due(self, endpoint_id: EndpointId, now: datetime, most: int) -> Sequence[Delivery]:
        rows = await self.queries.all(_DUE, endpoint_id=endpoint_id, now=now, size=most)
        return [*map(_delivery_from, rows)]

    async def record(self, tried: Sequence[Delivery]) -> None:
        columns = {f"{name}s": [getattr(delivery, name) for delivery in tried] for name in _kinds}
        await self.queries.execute(_RECORD, **columns)

    async def end(self, lane: Lane, until: datetime) -> None:
        await self.queries.execute(
            _END, endpoint_id=lane.endpoint.id, holder=lane.holder, until=until
        )

    async def page_of(self, endpoint_id: EndpointId, request: ListRequest) -> ListPage[Delivery]:
        after = None if request.cursor is None else UUID(int=request.cursor)
        rows = await self.queries.all(
            _PAGE, endpoint_id=endpoint_id, after=after, size=request.limit + 1
        )
        return ListPage.of(
            [*map(_delivery_from, rows)], request, lambda delivery: delivery.message_id.int
        )

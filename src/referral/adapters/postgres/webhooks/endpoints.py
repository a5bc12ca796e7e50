from dataclasses import dataclass
from datetime import datetime

import asyncpg
from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    Uuid,
    bindparam,
    func,
    insert,
    null,
    or_,
    select,
    update,
)

from referral.adapters.postgres.core.database import Queries
from referral.adapters.postgres.core.metadata import INSTANT
from referral.adapters.postgres.core.statement import Statement
from referral.adapters.postgres.webhooks.tables import webhook_endpoints
from referral.application.pages import ListPage, ListRequest
from referral.domain.webhooks.endpoint import Endpoint, EndpointId
from referral.domain.webhooks.errors import EndpointNotFound

_CHANGED = (
    *("url", "events", "description", "secret", "former_secret", "former_until"),
    *("disabled_at", "disabled_because", "failures", "failing_since", "paused_until"),
)
_NAMES = ("id", *_CHANGED, "created_at")
ENDPOINT_COLUMNS = tuple(webhook_endpoints.c[name] for name in _NAMES)


def endpoint_from(row: asyncpg.Record) -> Endpoint:
    values = {name: row[name] for name in _NAMES}
    return Endpoint(**{**values, "events": tuple(row["events"])})


def is_free(moment: BindParameter[datetime]) -> ColumnElement[bool]:
    """Whether nobody had a lane to it then, and it was not left alone."""
    until = func.greatest(webhook_endpoints.c.lane_until, webhook_endpoints.c.paused_until)
    return func.coalesce(until, moment) <= moment


_there = webhook_endpoints.c.deleted_at.is_(None)
_this = (webhook_endpoints.c.id == bindparam("endpoint_id")) & _there
_ADD = Statement(insert(webhook_endpoints).values({name: bindparam(name) for name in _NAMES}))
_found = select(*ENDPOINT_COLUMNS).where(_this)
_FIND = Statement(_found)
_LOCK = Statement(_found.with_for_update())
_SAVE = Statement(
    update(webhook_endpoints).values({name: bindparam(name) for name in _CHANGED}).where(_this)
)
_now = bindparam("now", type_=INSTANT)
_END_PAUSE = Statement(
    update(webhook_endpoints)
    .values(paused_until=_now)
    .where(_this, webhook_endpoints.c.paused_until > _now)
)
_DELETE = Statement(
    update(webhook_endpoints)
    .values(deleted_at=bindparam("now"), secret=b"", former_secret=null(), former_until=null())
    .where(_this)
    .returning(webhook_endpoints.c.id)
)
_after = bindparam("after", type_=Uuid)
_PAGE = Statement(
    select(*ENDPOINT_COLUMNS)
    .where(_there, or_(_after.is_(None), webhook_endpoints.c.id < _after))
    .order_by(webhook_endpoints.c.id.desc())
    .limit(bindparam("size", type_=BigInteger))
)


@dataclass(frozen=True, slots=True)
class PostgresEndpoints:
    queries: Queries

    async def add(self, endpoint: Endpoint) -> None:
        await self.queries.execute(_ADD, **_values(endpoint, _NAMES))

    async def find(self, endpoint_id: EndpointId) -> Endpoint:
        return await self._one(_FIND, endpoint_id)

    async def lock(self, endpoint_id: EndpointId) -> Endpoint:
        return await self._one(_LOCK, endpoint_id)

    async def _one(self, statement: Statement, endpoint_id: EndpointId) -> Endpoint:
        row = await self.queries.one(statement, endpoint_id=endpoint_id)
        if row is None:
            raise EndpointNotFound
        return endpoint_from(row)

    async def save(self, endpoint: Endpoint) -> None:
        await self.queries.execute(_SAVE, endpoint_id=endpoint.id, **_values(endpoint, _CHANGED))

    async def end_pause(self, endpoint_id: EndpointId, now: datetime) -> None:
        await self.queries.execute(_END_PAUSE, endpoint_id=endpoint_id, now=now)

    async def delete(self, endpoint_id: EndpointId, now: datetime) -> None:
        if await self.queries.one(_DELETE, endpoint_id=endpoint_id, now=now) is None:
            raise EndpointNotFound

    async def page_of(self, request: ListRequest) -> ListPage[Endpoint]:
        rows = await self.queries.all(_PAGE, after=request.after_id, size=request.limit + 1)
        return ListPage.of([*map(endpoint_from, rows)], request, lambda endpoint: endpoint.id.int)


def _values(endpoint: Endpoint, names: tuple[str, ...]) -> dict[str, object]:
    return {name: getattr(endpoint, name) for name in names}

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Uuid,
    any_,
    bindparam,
    exists,
    func,
    null,
    or_,
    select,
    update,
)

from referral.adapters.postgres.core.database import Queries
from referral.adapters.postgres.core.metadata import INSTANT
from referral.adapters.postgres.core.statement import Statement
from referral.adapters.postgres.core.unnested import listed, unnested
from referral.adapters.postgres.webhooks.delivery_rows import (
    COLUMNS,
    IS_DUE,
    IS_PENDING,
    TRIED,
    delivery_from,
)
from referral.adapters.postgres.webhooks.endpoints import ENDPOINT_COLUMNS, endpoint_from, is_free
from referral.adapters.postgres.webhooks.outbox import ACTIVE
from referral.adapters.postgres.webhooks.replaying import ADD, REPLAY, REPLAY_SOME, written_between
from referral.adapters.postgres.webhooks.tables import webhook_deliveries, webhook_endpoints
from referral.adapters.postgres.webhooks.waiting import BACKLOG, WAITING
from referral.application.pages import ListPage, ListRequest
from referral.application.ports import Randomness
from referral.application.webhooks.ports import Backlog, Lane, Replay
from referral.domain.webhooks.delivery import Delivery, DeliveryStatus, MessageId
from referral.domain.webhooks.endpoint import Endpoint, EndpointId
from referral.domain.webhooks.errors import MessageNotFound
from referral.domain.webhooks.message import Message

_size = bindparam("size", type_=BigInteger)
_now = bindparam("now", type_=INSTANT)
_free = (
    select(webhook_endpoints.c.id)
    .where(
        ACTIVE,
        is_free(_now),
        exists().where(webhook_deliveries.c.endpoint_id == webhook_endpoints.c.id, IS_DUE),
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
    .values(lane=null(), lane_until=_now)
    .where(
        webhook_endpoints.c.id == bindparam("endpoint_id"),
        webhook_endpoints.c.lane == bindparam("holder"),
    ),
    on_the_side=True,
)
_DUE = Statement(
    select(*COLUMNS)
    .join_from(
        webhook_deliveries,
        webhook_endpoints,
        (webhook_endpoints.c.id == webhook_deliveries.c.endpoint_id)
        & ACTIVE
        & (webhook_endpoints.c.url == bindparam("url")),
    )
    .where(webhook_deliveries.c.endpoint_id == bindparam("endpoint_id", type_=Uuid), IS_DUE)
    .order_by(webhook_deliveries.c.next_attempt_at, webhook_deliveries.c.number)
    .limit(_size)
)
_kinds: dict[str, Any] = {"endpoint_id": Uuid, "message_id": Uuid, **TRIED}
_tried = unnested("tried", _kinds)
_RECORD = Statement(
    update(webhook_deliveries)
    .values({name: _tried.c[name] for name in TRIED})
    .where(
        webhook_deliveries.c.endpoint_id == _tried.c.endpoint_id,
        webhook_deliveries.c.message_id == _tried.c.message_id,
        IS_PENDING,
    ),
    on_the_side=True,
)
_after = bindparam("after", type_=Uuid)
_page = (
    select(*COLUMNS)
    .where(
        webhook_deliveries.c.endpoint_id == bindparam("endpoint_id"),
        or_(_after.is_(None), webhook_deliveries.c.message_id < _after),
    )
    .order_by(webhook_deliveries.c.message_id.desc())
    .limit(_size)
)
_PAGE = Statement(_page)
_PAGE_OF_STATUS = Statement(_page.where(webhook_deliveries.c.status == bindparam("status")))


@dataclass(frozen=True, slots=True)
class PostgresDeliveries:
    queries: Queries
    randomness: Randomness

    async def take(self, now: datetime, until: datetime, most: int) -> Sequence[Lane]:
        rows = await self.queries.all(_TAKE, now=now, until=until, size=most)
        return [Lane(endpoint_from(row), row["lane"]) for row in rows]

    async def due(self, endpoint: Endpoint, now: datetime, most: int) -> Sequence[Delivery]:
        rows = await self.queries.all(
            _DUE, endpoint_id=endpoint.id, url=endpoint.url, now=now, size=most
        )
        return [*map(delivery_from, rows)]

    async def record(self, tried: Sequence[Delivery]) -> None:
        rows = ({name: getattr(delivery, name) for name in _kinds} for delivery in tried)
        await self.queries.execute(_RECORD, **listed(_tried, rows))

    async def end(self, lane: Lane, now: datetime) -> None:
        await self.queries.execute(_END, endpoint_id=lane.endpoint.id, holder=lane.holder, now=now)

    async def page_of(
        self, endpoint_id: EndpointId, request: ListRequest, status: DeliveryStatus | None = None
    ) -> ListPage[Delivery]:
        rows = await self.queries.all(
            _PAGE if status is None else _PAGE_OF_STATUS,
            endpoint_id=endpoint_id,
            after=request.after_id,
            size=request.limit + 1,
            status=status,
        )
        return ListPage.of(
            [*map(delivery_from, rows)], request, lambda delivery: delivery.message_id.int
        )

    async def add(self, endpoint_id: EndpointId, message: Message) -> Delivery:
        [row] = await self.queries.all(
            ADD,
            endpoint_id=endpoint_id,
            message_id=self.randomness.new_id(),
            type=message.type.value,
            body=message.body,
            at=message.at,
        )
        return delivery_from(row)

    async def replay(self, endpoint_id: EndpointId, message_id: MessageId) -> Delivery:
        row = await self.queries.one(REPLAY, endpoint=endpoint_id, message=message_id)
        if row is None:
            raise MessageNotFound
        return delivery_from(row)

    async def replay_some(self, endpoint_id: EndpointId, wanted: Replay) -> Sequence[MessageId]:
        over = [] if wanted.only_failed else [DeliveryStatus.DELIVERED]
        rows = await self.queries.all(
            REPLAY_SOME,
            endpoint=endpoint_id,
            **written_between(wanted.since, wanted.until, wanted.after),
            statuses=[DeliveryStatus.FAILED, *over],
            size=wanted.most,
        )
        return sorted(MessageId(row["message_id"]) for row in rows)

    async def waiting(
        self, endpoint_id: EndpointId, since: datetime, until: datetime, most: int
    ) -> int:
        times = written_between(since, until)
        [row] = await self.queries.all(WAITING, endpoint_id=endpoint_id, **times, most=most)
        count: int = row["count"]
        return count

    async def backlog(self, now: datetime, before: datetime, most: int) -> Backlog:
        [row] = await self.queries.all(BACKLOG, now=now, before=before, most=most)
        return Backlog(**dict(row))

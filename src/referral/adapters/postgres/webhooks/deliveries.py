from dataclasses import dataclass
from uuid import UUID

import asyncpg
from sqlalchemy import BigInteger, Uuid, bindparam, or_, select

from referral.adapters.postgres.core.database import Queries
from referral.adapters.postgres.core.statement import Statement
from referral.adapters.postgres.webhooks.tables import webhook_deliveries
from referral.application.pages import ListPage, ListRequest
from referral.domain.webhooks.delivery import Delivery, DeliveryStatus
from referral.domain.webhooks.endpoint import EndpointId
from referral.domain.webhooks.message import MessageType

_NAMES = ("endpoint_id", "message_id", "type", "body", "created_at", "status", "attempts")
DELIVERY_COLUMNS = tuple(webhook_deliveries.c[name] for name in _NAMES)


def delivery_from(row: asyncpg.Record) -> Delivery:
    values = {
        **dict(row),
        "type": MessageType(row["type"]),
        "status": DeliveryStatus(row["status"]),
    }
    return Delivery(**values)


_after = bindparam("after", type_=Uuid)
_PAGE = Statement(
    select(*DELIVERY_COLUMNS)
    .where(
        webhook_deliveries.c.endpoint_id == bindparam("endpoint_id"),
        or_(_after.is_(None), webhook_deliveries.c.message_id < _after),
    )
    .order_by(webhook_deliveries.c.message_id.desc())
    .limit(bindparam("size", type_=BigInteger))
)


@dataclass(frozen=True, slots=True)
class PostgresDeliveries:
    queries: Queries

    async def page_of(self, endpoint_id: EndpointId, request: ListRequest) -> ListPage[Delivery]:
        after = None if request.cursor is None else UUID(int=request.cursor)
        rows = await self.queries.all(
            _PAGE, endpoint_id=endpoint_id, after=after, size=request.limit + 1
        )
        return ListPage.of(
            [*map(delivery_from, rows)], request, lambda delivery: delivery.message_id.int
        )

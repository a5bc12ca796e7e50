"""What waits to be sent: to one endpoint, and over all endpoints together."""

from sqlalchemy import BigInteger, Uuid, bindparam, case, func, literal, null, select, true

from referral.adapters.postgres.core.metadata import INSTANT
from referral.adapters.postgres.core.statement import Statement
from referral.adapters.postgres.webhooks.delivery_rows import IS_DUE, IS_PENDING
from referral.adapters.postgres.webhooks.endpoints import is_free
from referral.adapters.postgres.webhooks.outbox import ACTIVE
from referral.adapters.postgres.webhooks.replaying import WRITTEN_THEN
from referral.adapters.postgres.webhooks.tables import webhook_deliveries, webhook_endpoints

_most = bindparam("most", type_=BigInteger)
_of_one = (
    select(literal(1))
    .where(
        webhook_deliveries.c.endpoint_id == bindparam("endpoint_id", type_=Uuid),
        IS_PENDING,
        WRITTEN_THEN,
    )
    .limit(_most)
    .subquery()
)
WAITING = Statement(select(func.count().label("count")).select_from(_of_one))
_before = bindparam("before", type_=INSTANT)
_counted = (
    select(literal(1))
    .select_from(webhook_deliveries)
    .join(webhook_endpoints, webhook_endpoints.c.id == webhook_deliveries.c.endpoint_id)
    .where(ACTIVE, IS_PENDING)
    .limit(_most)
    .subquery()
)
_first = (
    select(
        webhook_deliveries.c.next_attempt_at,
        webhook_deliveries.c.created_at,
        # Of what is sent once more, nobody keeps since when.
        case(
            (webhook_deliveries.c.attempts > 0, webhook_deliveries.c.next_attempt_at),
            (webhook_deliveries.c.last_attempt_at.is_(None), webhook_deliveries.c.created_at),
            else_=null(),
        ).label("since"),
    )
    .where(webhook_deliveries.c.endpoint_id == webhook_endpoints.c.id, IS_DUE)
    .order_by(webhook_deliveries.c.next_attempt_at, webhook_deliveries.c.number)
    .limit(1)
    .lateral("first")
)
_is_left = (
    is_free(_before) & (_first.c.next_attempt_at <= _before) & (_first.c.created_at <= _before)
)
BACKLOG = Statement(
    select(
        select(func.count()).select_from(_counted).scalar_subquery().label("count"),
        func.min(_first.c.since).label("since"),
        func.coalesce(func.bool_or(_is_left), False).label("is_left"),
    )
    .select_from(webhook_endpoints)
    .join(_first, true())
    .where(ACTIVE)
)

"""How what was sent is sent once more, and a message to one endpoint alone."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Text, Uuid, any_, bindparam, func, insert, null, select, update
from sqlalchemy.dialects.postgresql import ARRAY

from referral.adapters.postgres.core.statement import Statement
from referral.adapters.postgres.webhooks.delivery_rows import COLUMNS
from referral.adapters.postgres.webhooks.outbox import AT_ONCE
from referral.adapters.postgres.webhooks.tables import webhook_deliveries
from referral.domain.webhooks.delivery import DeliveryStatus

ADD = Statement(
    insert(webhook_deliveries)
    .values(
        {name: bindparam(name) for name in ("endpoint_id", "message_id", "type", "body")}
        | {"created_at": bindparam("at"), "next_attempt_at": AT_ONCE}
    )
    .returning(*COLUMNS)
)
_AS_NEW = {
    "status": DeliveryStatus.PENDING.value,
    "attempts": 0,
    "next_attempt_at": AT_ONCE,
    "expires_at": null(),
}
REPLAY = Statement(
    update(webhook_deliveries)
    .values(_AS_NEW)
    .where(
        webhook_deliveries.c.endpoint_id == bindparam("endpoint", type_=Uuid),
        webhook_deliveries.c.message_id == bindparam("message", type_=Uuid),
    )
    .returning(*COLUMNS)
)
_wanted = (
    select(webhook_deliveries.c.message_id)
    .where(
        webhook_deliveries.c.endpoint_id == bindparam("endpoint", type_=Uuid),
        webhook_deliveries.c.message_id >= bindparam("first", type_=Uuid),
        webhook_deliveries.c.message_id < bindparam("end", type_=Uuid),
        webhook_deliveries.c.status == any_(bindparam("statuses", type_=ARRAY(Text))),
    )
    .order_by(webhook_deliveries.c.message_id)
    .limit(bindparam("size", type_=BigInteger))
)
REPLAY_SOME = Statement(
    update(webhook_deliveries)
    .values(_AS_NEW)
    .where(
        webhook_deliveries.c.endpoint_id == bindparam("endpoint", type_=Uuid),
        webhook_deliveries.c.message_id == any_(func.array(_wanted.scalar_subquery())),
    )
    .returning(webhook_deliveries.c.message_id)
)


def first_of(moment: datetime) -> UUID:
    """The least id that a message can have that is written then (RFC 9562 §5.7)."""
    milliseconds = int(moment.timestamp() * 1000)
    return UUID(int=min(max(milliseconds, 0), 2**48 - 1) << 80)

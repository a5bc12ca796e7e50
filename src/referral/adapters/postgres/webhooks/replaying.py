"""How what was sent is sent once more, and a message to one endpoint alone."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Text, Uuid, any_, bindparam, func, insert, null, select, update
from sqlalchemy.dialects.postgresql import ARRAY

from referral.adapters.postgres.core.metadata import INSTANT
from referral.adapters.postgres.core.statement import Statement
from referral.adapters.postgres.webhooks.delivery_rows import COLUMNS
from referral.adapters.postgres.webhooks.outbox import AT_ONCE
from referral.adapters.postgres.webhooks.tables import webhook_deliveries
from referral.domain.webhooks.delivery import DeliveryStatus

# Ids tell the time of the machine that made them, whose clock may be wrong, and not of the database (ADR 21).
MARGIN_SECONDS = 3600.0

WRITTEN_THEN = (
    (webhook_deliveries.c.message_id > bindparam("after", type_=Uuid))
    & (webhook_deliveries.c.message_id < bindparam("end", type_=Uuid))
    & (webhook_deliveries.c.created_at >= bindparam("since", type_=INSTANT))
    & (webhook_deliveries.c.created_at < bindparam("until", type_=INSTANT))
)
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
        WRITTEN_THEN,
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


def written_between(
    since: datetime, until: datetime, after: UUID | None = None
) -> dict[str, object]:
    """The values of WRITTEN_THEN for what was written since a time and before another, after a message."""
    first = _before_those_of(since.timestamp() - MARGIN_SECONDS)
    return {
        "since": since,
        "until": until,
        "after": max(first, after or first),
        "end": _before_those_of(until.timestamp() + MARGIN_SECONDS),
    }


def _before_those_of(seconds: float) -> UUID:
    """An id before all that are made then, and after all that were made earlier (RFC 9562 §5.7)."""
    return UUID(int=min(max(int(seconds * 1000), 0), 2**48 - 1) << 80)

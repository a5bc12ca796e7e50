"""A delivery as its row tells it."""

from typing import Any

import asyncpg
from sqlalchemy import ColumnElement, Integer, Text, bindparam, literal_column

from referral.adapters.postgres.core.metadata import INSTANT
from referral.adapters.postgres.webhooks.tables import webhook_deliveries
from referral.domain.webhooks.delivery import Delivery, DeliveryStatus
from referral.domain.webhooks.message import MessageType

TRIED: dict[str, Any] = {
    "status": Text,
    "attempts": Integer,
    "next_attempt_at": INSTANT,
    "last_attempt_at": INSTANT,
    "last_status": Integer,
    "last_answer": Text,
    "expires_at": INSTANT,
}
_NAMES = ("endpoint_id", "message_id", "type", "body", "created_at", *TRIED)
COLUMNS = tuple(webhook_deliveries.c[name] for name in _NAMES)

# Spelled out, for the index is of these alone.
PENDING: ColumnElement[str] = literal_column("'pending'")
IS_PENDING = webhook_deliveries.c.status == PENDING
IS_DUE = IS_PENDING & (webhook_deliveries.c.next_attempt_at <= bindparam("now", type_=INSTANT))


def delivery_from(row: asyncpg.Record) -> Delivery:
    values = {
        **dict(row),
        "type": MessageType(row["type"]),
        "status": DeliveryStatus(row["status"]),
    }
    return Delivery(**values)

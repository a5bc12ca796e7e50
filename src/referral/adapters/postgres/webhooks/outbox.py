import asyncio
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import ARRAY, Text, Uuid, bindparam, func, insert, literal, select

from referral.adapters.postgres.access.standing import FRESH_SECONDS
from referral.adapters.postgres.core.database import Queries
from referral.adapters.postgres.core.metadata import INSTANT
from referral.adapters.postgres.core.one_connection import OneConnection
from referral.adapters.postgres.core.statement import Statement
from referral.adapters.postgres.webhooks.tables import webhook_deliveries, webhook_endpoints
from referral.application.ports import Randomness
from referral.domain.webhooks.message import Message, MessageType

# Before all that is tried again, and in the order of their numbers.
AT_ONCE = datetime.fromtimestamp(0, UTC)

ACTIVE = webhook_endpoints.c.deleted_at.is_(None) & webhook_endpoints.c.disabled_at.is_(None)
_WANTED = Statement(
    select(func.unnest(webhook_endpoints.c.events).label("pattern")).where(ACTIVE).distinct()
)
_ADD = Statement(
    insert(webhook_deliveries).from_select(
        ["endpoint_id", "message_id", "type", "body", "created_at", "next_attempt_at"],
        select(
            webhook_endpoints.c.id,
            bindparam("message_id", type_=Uuid),
            bindparam("type", type_=Text),
            bindparam("body", type_=Text),
            bindparam("at", type_=INSTANT),
            literal(AT_ONCE, INSTANT),
        ).where(
            webhook_endpoints.c.events.op("&&", is_comparison=True)(
                bindparam("patterns", type_=ARRAY(Text))
            ),
            ACTIVE,
        ),
    )
)


@dataclass(slots=True)
class PostgresListeners:
    """Keeps in memory what the endpoints hear of, and lets who sends know at once when this process has told them something.

    `refresh` is to be called more than once in FRESH_SECONDS; where nobody does, anything may be heard.
    """

    queries: Queries
    told: asyncio.Event = field(default_factory=asyncio.Event)
    _wanted: set[str] = field(default_factory=set)
    _fresh_until: float = 0.0

    async def refresh(self) -> None:
        asked_at = time.monotonic()
        self._wanted = {row["pattern"] for row in await self.queries.all(_WANTED)}
        self._fresh_until = asked_at + FRESH_SECONDS

    def may_hear(self, *kinds: MessageType) -> bool:
        return time.monotonic() >= self._fresh_until or any(
            not self._wanted.isdisjoint(kind.patterns) for kind in kinds
        )


@dataclass(frozen=True, slots=True)
class PostgresOutbox:
    queries: OneConnection
    listeners: PostgresListeners
    randomness: Randomness

    async def add(self, *messages: Message) -> None:
        if not messages or not self.listeners.may_hear(*(message.type for message in messages)):
            return  # nobody is woken for nothing
        for message in messages:
            await self.queries.execute(
                _ADD,
                message_id=self.randomness.new_id(),
                type=message.type.value,
                body=message.body,
                at=message.at,
                patterns=message.type.patterns,
            )
        self.queries.after_commit.append(self.listeners.told.set)

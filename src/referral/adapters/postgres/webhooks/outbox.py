import asyncio
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import Text, Uuid, bindparam, column, func, insert, literal, select
from sqlalchemy.dialects.postgresql import ARRAY, array

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
_told = (
    func.unnest(
        bindparam("ids", type_=ARRAY(Uuid)),
        bindparam("types", type_=ARRAY(Text)),
        bindparam("bodies", type_=ARRAY(Text)),
        bindparam("times", type_=ARRAY(INSTANT)),
    )
    .table_valued(
        column("id", Uuid),
        column("type", Text),
        column("body", Text),
        column("at", INSTANT),
        with_ordinality="place",
        name="told",
    )
    .render_derived()
)
_ADD = Statement(
    insert(webhook_deliveries).from_select(
        ["endpoint_id", "message_id", "type", "body", "created_at", "next_attempt_at"],
        select(
            webhook_endpoints.c.id,
            _told.c.id,
            _told.c.type,
            _told.c.body,
            _told.c.at,
            literal(AT_ONCE, INSTANT),
        )
        .join_from(
            webhook_endpoints,
            _told,
            webhook_endpoints.c.events.op("&&", is_comparison=True)(
                array([_told.c.type, func.split_part(_told.c.type, ".", 1).concat(".*")])
            ),
        )
        .where(ACTIVE)
        .order_by(_told.c.place),
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
        if not self.listeners.may_hear(*(message.type for message in messages)):
            return
        await self.queries.execute(
            _ADD,
            ids=[self.randomness.new_id() for _ in messages],
            types=[message.type.value for message in messages],
            bodies=[message.body for message in messages],
            times=[message.at for message in messages],
        )
        self.queries.after_commit.append(self.listeners.told.set)

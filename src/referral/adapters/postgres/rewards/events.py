import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg
from sqlalchemy import Text, Uuid, bindparam, cast, literal_column, select, update
from sqlalchemy.dialects.postgresql import JSONB, insert

from referral.adapters.postgres.core.database import Queries
from referral.adapters.postgres.core.statement import Statement
from referral.adapters.postgres.rewards.decisions import INPUTS, MADE, decision_from
from referral.adapters.postgres.rewards.tables import decisions, events
from referral.application.rewards.ports import RecordedEvent
from referral.domain.accounts.user import UserId
from referral.domain.rewards.errors import EventDiffers
from referral.domain.rewards.event import Amount, Event, EventId, NewEvent

_PLAIN = (
    "source",
    "id",
    "participant_id",
    "type",
    "amount",
    "unit",
    "refund_of",
    "occurred_at",
    "digest",
)
EVENT_COLUMNS = (*(events.c[name] for name in _PLAIN), events.c.number)
_COLUMNS = (*EVENT_COLUMNS, cast(events.c.metadata, Text).label("metadata"))
_FIND = Statement(
    select(*_COLUMNS, *(decisions.c[name] for name in MADE), INPUTS)
    .select_from(
        # Not those made when someone was joined to a referrer later, and the event was looked at again.
        events.outerjoin(
            decisions,
            (decisions.c.event == events.c.number) & (decisions.c.at == events.c.recorded_at),
        )
    )
    .where(
        events.c.source == bindparam("source", type_=Text),
        events.c.id == bindparam("event_id", type_=Text),
    )
    .order_by(decisions.c.number)
)
_OF = Statement(
    select(*_COLUMNS)
    .where(events.c.participant_id == bindparam("participant", type_=Uuid))
    .order_by(events.c.number)
)
_ADD = Statement(
    insert(events)
    .values(
        {name: bindparam(name) for name in _PLAIN}
        | {
            "recorded_at": bindparam("now"),
            "metadata": cast(bindparam("metadata", type_=Text), JSONB),
        }
    )
    # What callers can provoke is no error in PostgreSQL's log, which would hold their values.
    .on_conflict_do_nothing()
    .returning(events.c.number)
)
_FORGET = Statement(
    update(events)
    .values(metadata=literal_column("'{}'::jsonb"))
    .where(events.c.participant_id == bindparam("participant", type_=Uuid))
)


def event_from(row: asyncpg.Record, metadata: str = "{}") -> Event:
    return Event(
        number=row["number"],
        source=row["source"],
        id=EventId(row["id"]),
        type=row["type"],
        participant_id=row["participant_id"],
        occurred_at=row["occurred_at"],
        amount=None if row["amount"] is None else Amount(row["amount"], row["unit"]),
        of=row["refund_of"] and EventId(row["refund_of"]),
        metadata=json.loads(metadata) if metadata != "{}" else {},
    )


@dataclass(frozen=True, slots=True)
class PostgresEvents:
    queries: Queries

    async def find(self, source: str, event_id: EventId) -> RecordedEvent | None:
        rows = await self.queries.all(_FIND, source=source, event_id=event_id.value)
        if not rows:
            return None
        made = tuple(decision_from(row) for row in rows if row["rule"] is not None)
        return RecordedEvent(event_from(rows[0], rows[0]["metadata"]), rows[0]["digest"], made)

    async def of(self, participant_id: UserId) -> Sequence[Event]:
        rows = await self.queries.all(_OF, participant=participant_id)
        return [event_from(row, row["metadata"]) for row in rows]

    async def add(self, event: NewEvent, digest: bytes, now: datetime) -> Event:
        row = await self.queries.one(
            _ADD,
            source=event.source,
            id=event.id.value,
            participant_id=event.participant_id,
            type=event.type,
            amount=event.amount.value if event.amount else None,
            unit=event.amount.unit if event.amount else None,
            refund_of=event.of.value if event.of else None,
            occurred_at=event.occurred_at,
            digest=digest,
            now=now,
            # For any encoding of the database.
            metadata=json.dumps(dict(event.metadata), ensure_ascii=False),
        )
        if row is None:
            raise EventDiffers
        return event.numbered(row["number"])

    async def forget_metadata(self, participant_id: UserId) -> None:
        await self.queries.execute(_FORGET, participant=participant_id)

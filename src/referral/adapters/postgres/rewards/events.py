import json
from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg
from sqlalchemy import Text, Uuid, bindparam, cast, func, literal_column, select, update
from sqlalchemy.dialects.postgresql import JSONB, insert

from referral.adapters.postgres.core.database import Queries
from referral.adapters.postgres.core.statement import Statement
from referral.adapters.postgres.rewards.tables import events
from referral.application.rewards.ports import RecordedEvent
from referral.domain.accounts.user import UserId
from referral.domain.programs.referral import ReferralStatus
from referral.domain.rewards.errors import EventDiffers
from referral.domain.rewards.event import Amount, Event, EventId
from referral.domain.rewards.qualification import Decision, Reason

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
    "status",
)
_COLUMNS = (
    *(events.c[name] for name in _PLAIN),
    cast(events.c.metadata, Text).label("metadata"),
    cast(events.c.decisions, Text).label("decisions"),
)
_FIND = Statement(
    select(*_COLUMNS).where(
        events.c.source == bindparam("source", type_=Text),
        events.c.id == bindparam("event_id", type_=Text),
    )
)
_OF = Statement(
    select(*_COLUMNS)
    .where(events.c.participant_id == bindparam("participant", type_=Uuid))
    .order_by(events.c.recorded_at, events.c.source, events.c.id)
)
_ADD = Statement(
    insert(events)
    .values(
        {name: bindparam(name) for name in _PLAIN}
        | {
            "recorded_at": func.now(),
            "metadata": cast(bindparam("metadata", type_=Text), JSONB),
            "decisions": cast(bindparam("decisions", type_=Text), JSONB),
        }
    )
    # What callers can provoke is no error in PostgreSQL's log, which would hold their values.
    .on_conflict_do_nothing()
    .returning(events.c.id)
)
_FORGET = Statement(
    update(events)
    .values(metadata=literal_column("'{}'::jsonb"))
    .where(events.c.participant_id == bindparam("participant", type_=Uuid))
)


def _event_from(row: asyncpg.Record) -> Event:
    return Event(
        source=row["source"],
        id=EventId(row["id"]),
        type=row["type"],
        participant_id=row["participant_id"],
        occurred_at=row["occurred_at"],
        amount=None if row["amount"] is None else Amount(row["amount"], row["unit"]),
        of=row["refund_of"] and EventId(row["refund_of"]),
        metadata=json.loads(row["metadata"]),
    )


@dataclass(frozen=True, slots=True)
class PostgresEvents:
    queries: Queries

    async def find(self, source: str, event_id: EventId) -> RecordedEvent | None:
        row = await self.queries.one(_FIND, source=source, event_id=event_id.value)
        if row is None:
            return None
        decisions = [
            Decision(rule, ReferralStatus(outcome), Reason(reason))
            for rule, outcome, reason in json.loads(row["decisions"])
        ]
        status = row["status"] and ReferralStatus(row["status"])
        return RecordedEvent(_event_from(row), row["digest"], status, tuple(decisions))

    async def of(self, participant_id: UserId) -> Sequence[Event]:
        rows = await self.queries.all(_OF, participant=participant_id)
        return [_event_from(row) for row in rows]

    async def add(self, recorded: RecordedEvent) -> None:
        event = recorded.event
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
            digest=recorded.digest,
            status=recorded.status,
            metadata=json.dumps(
                dict(event.metadata), ensure_ascii=False
            ),  # for any encoding of the database
            decisions=json.dumps([[d.rule, d.outcome, d.reason] for d in recorded.decisions]),
        )
        if row is None:
            raise EventDiffers

    async def forget_metadata(self, participant_id: UserId) -> None:
        await self.queries.execute(_FORGET, participant=participant_id)

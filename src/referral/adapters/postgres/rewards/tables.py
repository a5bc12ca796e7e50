"""The tables, and the constraints that hold the rules whatever the processes do."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import JSONB

from referral.adapters.postgres.accounts.tables import users
from referral.adapters.postgres.core.metadata import INSTANT, metadata

# What came of an event is kept with it as it was told then: the referral's status, and the decisions.
events = Table(
    "events",
    metadata,
    Column("source", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("participant_id", ForeignKey(users.c.id, name="fk_events_participant"), nullable=False),
    Column("type", Text, nullable=False),
    Column("amount", BigInteger),
    Column("unit", Text),
    Column("refund_of", Text),
    Column("occurred_at", INSTANT, nullable=False),
    Column("recorded_at", INSTANT, nullable=False),
    Column("metadata", JSONB, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("status", Text),
    Column("decisions", JSONB, nullable=False),
    ForeignKeyConstraint(
        ["source", "refund_of"], ["events.source", "events.id"], name="fk_events_refund_of"
    ),
    CheckConstraint("(amount IS NULL) = (unit IS NULL)", name="ck_events_amount_has_unit"),
    CheckConstraint("amount >= 0", name="ck_events_amount"),
    Index("ix_events_participant", "participant_id"),
)

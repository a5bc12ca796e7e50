"""The tables, and the constraints that hold the rules whatever the processes do."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Column,
    Identity,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    text,
)

from referral.adapters.postgres.core.metadata import INSTANT, metadata

# One that is deleted stays, without its secrets, for the messages that were sent to it.
webhook_endpoints = Table(
    "webhook_endpoints",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("url", Text, nullable=False),
    Column("events", ARRAY(Text), nullable=False),
    Column("description", Text),
    Column("secret", LargeBinary, nullable=False),
    Column("former_secret", LargeBinary),
    Column("former_until", INSTANT),
    Column("created_at", INSTANT, nullable=False),
    Column("disabled_at", INSTANT),
    Column("disabled_because", Text),
    Column("deleted_at", INSTANT),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    Column("failing_since", INSTANT),
    Column("lane", Uuid),  # whose it is to send to it, until when
    Column("lane_until", INSTANT),
    Column("paused_until", INSTANT),  # left alone so long, because it failed
    CheckConstraint(
        "(disabled_at IS NULL) = (disabled_because IS NULL)",
        name="ck_webhook_endpoints_disabled",
    ),
    CheckConstraint(
        "(former_secret IS NULL) = (former_until IS NULL)", name="ck_webhook_endpoints_former"
    ),
    Index("ix_webhook_endpoints_not_deleted", "id", postgresql_where=text("deleted_at IS NULL")),
)

# The outbox: a row is written by the transaction that it tells of, for each endpoint that hears of it. Deliveries are
# numbered in the order of what they tell: who writes after another has committed has the higher number. No foreign key
# leads to the endpoint, which never goes: every write would lock its row.
webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("endpoint_id", Uuid, nullable=False),
    Column("message_id", Uuid, nullable=False),
    Column("number", BigInteger, Identity(always=True), nullable=False),
    Column("type", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("created_at", INSTANT, nullable=False),
    Column("status", Text, nullable=False, server_default=text("'pending'::text")),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("next_attempt_at", INSTANT),
    Column("last_attempt_at", INSTANT),
    Column("last_answer", Text),
    Column("expires_at", INSTANT),
    Column("last_status", Integer),
    PrimaryKeyConstraint("endpoint_id", "message_id", name="webhook_deliveries_pkey"),
    CheckConstraint(
        "status IN ('pending', 'delivered', 'failed')", name="ck_webhook_deliveries_status"
    ),
    CheckConstraint(
        "(status = 'pending') = (next_attempt_at IS NOT NULL)"
        " AND (status = 'pending') = (expires_at IS NULL)",
        name="ck_webhook_deliveries_pending",
    ),
    Index(
        "ix_webhook_deliveries_due",
        *("endpoint_id", "next_attempt_at", "number"),
        postgresql_where=text("status = 'pending'"),
    ),
    Index("ix_webhook_deliveries_status", "endpoint_id", "status", "message_id"),
    Index(
        "ix_webhook_deliveries_expires_at",
        "expires_at",
        postgresql_where=text("expires_at IS NOT NULL"),
    ),
)

"""The tables, and the constraints that hold the rules whatever the processes do."""

from sqlalchemy import ARRAY, CheckConstraint, Column, Index, LargeBinary, Table, Text, Uuid, text

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
    CheckConstraint(
        "(disabled_at IS NULL) = (disabled_because IS NULL)",
        name="ck_webhook_endpoints_disabled",
    ),
    CheckConstraint(
        "(former_secret IS NULL) = (former_until IS NULL)", name="ck_webhook_endpoints_former"
    ),
    Index("ix_webhook_endpoints_not_deleted", "id", postgresql_where=text("deleted_at IS NULL")),
)

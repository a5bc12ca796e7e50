"""The tables, and the constraints that hold the rules whatever the processes do."""

from sqlalchemy import (
    ARRAY,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)

from referral.adapters.postgres.accounts.tables import users
from referral.adapters.postgres.core.metadata import INSTANT, metadata

refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("family_id", Uuid, nullable=False),
    Column("user_id", ForeignKey(users.c.id, name="fk_refresh_tokens_user"), nullable=False),
    Column("credentials_version", Integer, nullable=False),
    Column("expires_at", INSTANT, nullable=False),
    Column("spent_at", INSTANT),
    Index("ix_refresh_tokens_family", "family_id"),
    Index("ix_refresh_tokens_user", "user_id"),
    Index("ix_refresh_tokens_expires_at", "expires_at"),
)

# Losing the counts in a crash is harmless, and an unlogged table costs no write-ahead log.
rate_limits = Table(
    "rate_limits",
    metadata,
    Column("bucket", LargeBinary, primary_key=True),
    Column("hits", Integer, nullable=False),
    Column("resets_at", INSTANT, nullable=False),
    Column("in_progress", Integer, nullable=False, server_default=text("0")),
    Column("in_progress_until", INSTANT),
    Index("ix_rate_limits_resets_at", "resets_at"),
    prefixes=["UNLOGGED"],
)

# Calls that came with an idempotency key; both contents are sealed.
idempotency_records = Table(
    "idempotency_records",
    metadata,
    Column("call_id", LargeBinary, primary_key=True),
    Column("holder", Uuid, nullable=False),
    Column("request", LargeBinary, nullable=False),
    Column("answer", LargeBinary),
    Column("expires_at", INSTANT, nullable=False),
    Index("ix_idempotency_records_expires_at", "expires_at"),
)

# One that is revoked stays, with when it was.
api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("created_at", INSTANT, nullable=False),
    Column("expires_at", INSTANT),
    Column("revoked_at", INSTANT),
    Column("last_used_at", INSTANT),
    UniqueConstraint("digest", name="uq_api_keys_digest"),
    Index("ix_api_keys_not_revoked", "id", postgresql_where=text("revoked_at IS NULL")),
)

administrators = Table(
    "administrators",
    metadata,
    Column("user_id", ForeignKey(users.c.id, name="fk_administrators_user"), primary_key=True),
    Column("granted_at", INSTANT, nullable=False),
)

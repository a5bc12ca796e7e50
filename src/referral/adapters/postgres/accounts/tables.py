"""The tables, and the constraints that hold the rules whatever the processes do."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)

from referral.adapters.postgres.core.metadata import INSTANT, metadata

# An erased user keeps the row, for the referrals that point at it, and nothing that tells who it was.
users = Table(
    "users",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("username", Text),
    Column("username_key", Text),
    Column("email", Text),
    Column("email_key", Text),
    Column("password_hash", Text),
    Column("credentials_version", Integer, nullable=False),
    Column("credentials_changed_at", INSTANT),
    Column("referrals_count", BigInteger, nullable=False, server_default=text("0")),
    Column("created_at", INSTANT, nullable=False),
    Column("erased_at", INSTANT),
    UniqueConstraint("username_key", name="uq_users_username"),
    UniqueConstraint("email_key", name="uq_users_email"),
    CheckConstraint(
        "num_nulls(username, username_key, email, email_key, password_hash)"
        " = CASE WHEN erased_at IS NULL THEN 0 ELSE 5 END",
        name="ck_users_whole_or_erased",
    ),
    Index(
        "ix_users_credentials_changed_at",
        "credentials_changed_at",
        postgresql_where=text("credentials_changed_at IS NOT NULL"),
    ),
)

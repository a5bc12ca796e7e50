"""The tables, and the constraints that hold the rules whatever the processes do."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
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

from referral.adapters.postgres.core.metadata import INSTANT, metadata

EMAIL_IS_UNIQUE = "uq_users_email"

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
    Column("external_id", Text),
    Column("locale", Text),
    UniqueConstraint("username_key", name="uq_users_username"),
    UniqueConstraint("email_key", name=EMAIL_IS_UNIQUE),
    CheckConstraint(
        "CASE WHEN erased_at IS NOT NULL"
        " THEN num_nonnulls(username, email, password_hash, external_id, locale) = 0"
        " WHEN external_id IS NULL"
        " THEN num_nulls(username, email, password_hash) = 0 AND locale IS NULL"
        " ELSE password_hash IS NULL END",
        name="ck_users_registered_or_enrolled_or_erased",
    ),
    CheckConstraint(
        "(username IS NULL) = (username_key IS NULL) AND (email IS NULL) = (email_key IS NULL)",
        name="ck_users_keys",
    ),
    Index(
        "uq_users_external_id",
        "external_id",
        unique=True,
        postgresql_where=text("external_id IS NOT NULL"),
    ),
    Index(
        "ix_users_credentials_changed_at",
        "credentials_changed_at",
        postgresql_where=text("credentials_changed_at IS NOT NULL"),
    ),
)

# At which networks people were lately seen, and who brought them: names of networks that do not tell which they are.
network_sightings = Table(
    "network_sightings",
    metadata,
    Column(
        "person_id", ForeignKey(users.c.id, name="fk_network_sightings_person"), primary_key=True
    ),
    Column("network", LargeBinary, primary_key=True),
    Column("referrer_id", Uuid),
    Column("seen_at", INSTANT, nullable=False),
    Index(
        "ix_network_sightings_referrer",
        *("referrer_id", "network"),
        postgresql_where=text("referrer_id IS NOT NULL"),
    ),
    Index("ix_network_sightings_seen_at", "seen_at"),
)

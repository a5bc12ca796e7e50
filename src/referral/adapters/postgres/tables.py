"""The tables, and the constraints that hold the rules whatever the processes do."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ExcludeConstraint

metadata = MetaData()
_instant = DateTime(timezone=True)

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
    Column("credentials_changed_at", _instant),
    Column("referrals_count", BigInteger, nullable=False, server_default=text("0")),
    Column("created_at", _instant, nullable=False),
    Column("erased_at", _instant),
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

# `least` skips nulls: a code that is not retired ends when it expires.
ACTIVE_WHILE = func.tstzrange(text("issued_at"), text("least(retired_at, expires_at)"))

referral_codes = Table(
    "referral_codes",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("owner_id", ForeignKey(users.c.id, name="fk_referral_codes_owner"), nullable=False),
    Column("text", Text, nullable=False),
    Column("issued_at", _instant, nullable=False),
    Column("expires_at", _instant, nullable=False),
    Column("retired_at", _instant),
    UniqueConstraint("text", name="uq_referral_codes_text"),
    CheckConstraint("issued_at < expires_at", name="ck_referral_codes_expires_later"),
    CheckConstraint("issued_at <= retired_at", name="ck_referral_codes_retired_later"),
    ExcludeConstraint(
        ("owner_id", "="),
        (ACTIVE_WHILE, "&&"),
        name="ex_referral_codes_one_active",
    ),
    Index(
        "ix_referral_codes_listed", "owner_id", "id", postgresql_where=text("retired_at IS NULL")
    ),
)

# `number` counts a referrer's people from 1 without gaps, so that any page is a range of the key.
referrals = Table(
    "referrals",
    metadata,
    Column("referrer_id", ForeignKey(users.c.id, name="fk_referrals_referrer"), primary_key=True),
    Column("number", BigInteger, primary_key=True),
    Column("referee_id", ForeignKey(users.c.id, name="fk_referrals_referee"), nullable=False),
    Column("code_id", ForeignKey(referral_codes.c.id, name="fk_referrals_code"), nullable=False),
    Column("created_at", _instant, nullable=False),
    UniqueConstraint("referee_id", name="uq_referrals_referee"),
    CheckConstraint("referrer_id <> referee_id", name="ck_referrals_not_oneself"),
)

refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("family_id", Uuid, nullable=False),
    Column("user_id", ForeignKey(users.c.id, name="fk_refresh_tokens_user"), nullable=False),
    Column("credentials_version", Integer, nullable=False),
    Column("expires_at", _instant, nullable=False),
    Column("spent_at", _instant),
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
    Column("resets_at", _instant, nullable=False),
    Column("in_progress", Integer, nullable=False, server_default=text("0")),
    Column("in_progress_until", _instant),
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
    Column("expires_at", _instant, nullable=False),
    Index("ix_idempotency_records_expires_at", "expires_at"),
)

"""The tables, and the constraints that hold the rules whatever the processes do."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ExcludeConstraint

from referral.adapters.postgres.accounts.tables import users
from referral.adapters.postgres.core.metadata import INSTANT, metadata

# `least` skips nulls: a code that is not retired ends when it expires.
ACTIVE_WHILE = func.tstzrange(text("issued_at"), text("least(retired_at, expires_at)"))

referral_codes = Table(
    "referral_codes",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("owner_id", ForeignKey(users.c.id, name="fk_referral_codes_owner"), nullable=False),
    Column("text", Text, nullable=False),
    Column("issued_at", INSTANT, nullable=False),
    Column("expires_at", INSTANT, nullable=False),
    Column("retired_at", INSTANT),
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
    Column("created_at", INSTANT, nullable=False),
    UniqueConstraint("referee_id", name="uq_referrals_referee"),
    CheckConstraint("referrer_id <> referee_id", name="ck_referrals_not_oneself"),
)

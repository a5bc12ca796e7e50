"""The tables, and the constraints that hold the rules whatever the processes do."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    literal_column,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from referral.adapters.postgres.accounts.tables import users
from referral.adapters.postgres.core.metadata import INSTANT, metadata

# What has a program names it by its number without a reference, which would lock the one row of `default` at each
# sign-up; programs are not deleted, which a trigger sees to.
programs = Table(
    "programs",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    Column("slug", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("starts_at", INSTANT),
    Column("ends_at", INSTANT),
    Column("landing_url", Text),
    Column("terms_version", Integer, nullable=False),
    Column("qualifies_at_sign_up", Boolean, nullable=False, server_default=text("true")),
    Column("judges_sign_ups", Boolean, nullable=False, server_default=text("false")),
    Column("judges_networks", Boolean, nullable=False, server_default=text("false")),
    Column("attach_within_days", Integer, nullable=False, server_default=text("7")),
    Column("qualifies_within_days", Integer),
    Column("revision", Uuid, nullable=False, server_default=func.gen_random_uuid()),
    Column("created_at", INSTANT, nullable=False),
    UniqueConstraint("slug", name="uq_programs_slug"),
    CheckConstraint("starts_at < ends_at", name="ck_programs_ends_later"),
    CheckConstraint("status IN ('draft', 'active', 'paused', 'ended')", name="ck_programs_status"),
)

# A trigger refuses to change or delete any.
program_terms = Table(
    "program_terms",
    metadata,
    Column(
        "program_id", ForeignKey(programs.c.id, name="fk_program_terms_program"), primary_key=True
    ),
    Column("version", Integer, primary_key=True),
    Column("terms", JSONB, nullable=False),
    Column("created_at", INSTANT, nullable=False),
)

# `least` skips nulls: a code that is not retired ends when it expires.
ENDS_AT = func.least(literal_column("retired_at"), literal_column("expires_at"))

# One active code for each owner and program: a trigger called `ex_referral_codes_one_active` refuses the second.
referral_codes = Table(
    "referral_codes",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("owner_id", ForeignKey(users.c.id, name="fk_referral_codes_owner"), nullable=False),
    Column("text", Text, nullable=False),
    Column("issued_at", INSTANT, nullable=False),
    Column("expires_at", INSTANT, nullable=False),
    Column("retired_at", INSTANT),
    Column("program_id", Integer, nullable=False, server_default=text("1")),
    Column("max_uses", Integer),
    Column("uses", Integer, nullable=False, server_default=text("0")),
    UniqueConstraint("text", name="uq_referral_codes_text"),
    CheckConstraint("issued_at < expires_at", name="ck_referral_codes_expires_later"),
    CheckConstraint("issued_at <= retired_at", name="ck_referral_codes_retired_later"),
    CheckConstraint("uses <= max_uses", name="ck_referral_codes_uses"),
    Index("ix_referral_codes_ends", "owner_id", "program_id", ENDS_AT),
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
    Column("program_id", Integer, nullable=False, server_default=text("1")),
    Column("terms_version", Integer, nullable=False, server_default=text("1")),
    Column("status", Text, nullable=False, server_default=text("'qualified'")),
    Column("qualified_at", INSTANT),
    Column("qualifies_until", INSTANT),
    Column("held_reasons", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    UniqueConstraint("referee_id", name="uq_referrals_referee"),
    Index("ix_referrals_newest", "program_id", "status", "created_at", "referee_id"),
    Index(
        "ix_referrals_newest_of_referrer",
        *("referrer_id", "program_id", "status", "created_at", "referee_id"),
    ),
    Index(
        "ix_referrals_overdue",
        *("program_id", "qualifies_until"),
        postgresql_where=text("status = 'signed_up' AND qualifies_until IS NOT NULL"),
    ),
    Index(
        "ix_referrals_held",
        *("created_at", "referee_id"),
        postgresql_where=text("held_reasons <> '{}'"),
    ),
    CheckConstraint("referrer_id <> referee_id", name="ck_referrals_not_oneself"),
    CheckConstraint(
        "status IN ('signed_up', 'qualified', 'rejected', 'expired')", name="ck_referrals_status"
    ),
)

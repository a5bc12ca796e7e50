"""The tables, and the constraints that hold the rules whatever the processes do."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from referral.adapters.postgres.accounts.tables import users
from referral.adapters.postgres.core.metadata import INSTANT, metadata
from referral.adapters.postgres.programs.tables import referrals
from referral.domain.rewards.ledger import MOST_HELD

_REFERRAL = referrals.c.referee_id
BALANCE_HAS_AN_END = "ck_balances_most"

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
    Column("number", BigInteger, Identity(always=True), nullable=False),
    UniqueConstraint("number", name="uq_events_number"),
    ForeignKeyConstraint(
        ["source", "refund_of"], ["events.source", "events.id"], name="fk_events_refund_of"
    ),
    CheckConstraint("(amount IS NULL) = (unit IS NULL)", name="ck_events_amount_has_unit"),
    CheckConstraint("amount >= 0", name="ck_events_amount"),
    Index("ix_events_participant", "participant_id"),
)

payouts = Table(
    "payouts",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("reference", Text, nullable=False),
    Column("unit", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("rewards", Integer, nullable=False),
    Column("asked", LargeBinary, nullable=False),
    Column("created_at", INSTANT, nullable=False),
    UniqueConstraint("reference", name="uq_payouts_reference"),
    CheckConstraint("amount > 0", name="ck_payouts_amount"),
)

# A beneficiary is one of the two of the referral. A reward is given once for an event and a rule, or once for a sign-up.
rewards = Table(
    "rewards",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("referral_id", ForeignKey(_REFERRAL, name="fk_rewards_referral"), nullable=False),
    Column("program_id", Integer, nullable=False),
    Column("terms_version", Integer, nullable=False),
    Column("rule", Text, nullable=False),
    Column("side", Text, nullable=False),
    Column("beneficiary_id", Uuid, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("unit", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("created_at", INSTANT, nullable=False),
    Column("due_at", INSTANT, nullable=False),
    Column("cause", ForeignKey(events.c.number, name="fk_rewards_cause")),
    Column("shared", BigInteger),
    Column("milestone", Integer),
    Column("recovers", ForeignKey("rewards.id", name="fk_rewards_recovers")),
    Column("budgeted", Boolean, nullable=False),
    Column("payout_id", ForeignKey(payouts.c.id, name="fk_rewards_payout")),
    CheckConstraint("side IN ('referrer', 'referee')", name="ck_rewards_side"),
    CheckConstraint("amount <> 0", name="ck_rewards_amount"),
    CheckConstraint(
        "status IN ('pending', 'held', 'approved', 'paid', 'rejected', 'reversed')",
        name="ck_rewards_status",
    ),
    CheckConstraint("(amount < 0) = (recovers IS NOT NULL)", name="ck_rewards_negative_recovers"),
    CheckConstraint("(status = 'paid') = (payout_id IS NOT NULL)", name="ck_rewards_paid_by"),
    Index(
        "uq_rewards_event",
        *("cause", "rule", "beneficiary_id", text("coalesce(shared, 0)")),
        unique=True,
        postgresql_where=text("cause IS NOT NULL AND recovers IS NULL"),
    ),
    Index(
        "uq_rewards_sign_up",
        *("referral_id", "rule", "beneficiary_id"),
        unique=True,
        postgresql_where=text("cause IS NULL AND recovers IS NULL"),
    ),
    Index(
        "uq_rewards_recovery",
        *("recovers", "cause"),
        unique=True,
        postgresql_where=text("recovers IS NOT NULL"),
    ),
    Index("ix_rewards_referral", "referral_id"),
    Index("ix_rewards_newest", "program_id", "status", "id"),
    Index("ix_rewards_newest_of_beneficiary", "beneficiary_id", "program_id", "status", "id"),
    Index("ix_rewards_due", "due_at", postgresql_where=text("status = 'pending'")),
    Index("ix_rewards_payout", "payout_id", postgresql_where=text("payout_id IS NOT NULL")),
    Index(
        "ix_rewards_milestones",
        *("beneficiary_id", "program_id"),
        postgresql_where=text("milestone IS NOT NULL"),
    ),
    Index(
        "ix_rewards_of_referrer",
        *("beneficiary_id", "program_id", "created_at"),
        postgresql_where=text("side = 'referrer' AND recovers IS NULL"),
    ),
)

# Triggers refuse to change or delete any, and those of a statement that do not come to nothing for each reward.
ledger_entries = Table(
    "ledger_entries",
    metadata,
    Column("number", BigInteger, Identity(always=True), primary_key=True),
    Column("at", INSTANT, nullable=False),
    Column("reward_id", ForeignKey(rewards.c.id, name="fk_ledger_entries_reward"), nullable=False),
    Column("account", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("unit", Text, nullable=False),
    Column("cause", Text, nullable=False),
    CheckConstraint(
        "account IN ('budget', 'pending', 'available', 'paid', 'recoverable')",
        name="ck_ledger_entries_account",
    ),
    CheckConstraint("amount <> 0", name="ck_ledger_entries_amount"),
    Index("ix_ledger_entries_reward", "reward_id"),
)

# The sum of the entries of someone's rewards; what is to be recovered is negative.
balances = Table(
    "balances",
    metadata,
    Column("beneficiary_id", Uuid, primary_key=True),
    Column("unit", Text, primary_key=True),
    Column("pending", BigInteger, nullable=False),
    Column("available", BigInteger, nullable=False),
    Column("paid", BigInteger, nullable=False),
    Column("recoverable", BigInteger, nullable=False),
    CheckConstraint("pending >= 0", name="ck_balances_pending"),
    CheckConstraint("available >= 0", name="ck_balances_available"),
    CheckConstraint("paid >= 0", name="ck_balances_paid"),
    CheckConstraint("recoverable <= 0", name="ck_balances_recoverable"),
    CheckConstraint(f"pending::numeric + available + paid <= {MOST_HELD}", name=BALANCE_HAS_AN_END),
)

# What the budgeted rewards of a program came to.
budgets = Table(
    "budgets",
    metadata,
    Column("program_id", Integer, primary_key=True, autoincrement=False),
    Column("unit", Text, primary_key=True),
    Column("spent", BigInteger, nullable=False),
    CheckConstraint("spent >= 0", name="ck_budgets_spent"),
)

# A trigger refuses to change or delete any.
decisions = Table(
    "decisions",
    metadata,
    Column("number", BigInteger, Identity(always=True), primary_key=True),
    Column("at", INSTANT, nullable=False),
    Column("referral_id", ForeignKey(_REFERRAL, name="fk_decisions_referral"), nullable=False),
    Column("terms_version", Integer, nullable=False),
    Column("event", ForeignKey(events.c.number, name="fk_decisions_event")),
    Column("rule", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("inputs", JSONB, nullable=False),
    Column("reward_id", Uuid),
    Index("ix_decisions_referral", "referral_id", "number"),
    Index("ix_decisions_event", "event", postgresql_where=text("event IS NOT NULL")),
    Index(
        "ix_decisions_reviews",
        *("outcome", "number"),
        postgresql_where=text("rule = 'review' AND reason = 'by-hand'"),
    ),
)

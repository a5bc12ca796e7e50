"""All tables."""

from referral.adapters.postgres.access.tables import (
    administrators,
    api_keys,
    idempotency_records,
    rate_limits,
    refresh_tokens,
)
from referral.adapters.postgres.accounts.tables import network_sightings, users
from referral.adapters.postgres.core.metadata import metadata
from referral.adapters.postgres.programs.tables import (
    program_terms,
    programs,
    referral_codes,
    referrals,
)
from referral.adapters.postgres.rewards.tables import (
    balances,
    budgets,
    decisions,
    events,
    ledger_entries,
    payouts,
    rewards,
)
from referral.adapters.postgres.webhooks.tables import webhook_deliveries, webhook_endpoints

__all__ = [
    "administrators",
    "api_keys",
    "balances",
    "budgets",
    "decisions",
    "events",
    "idempotency_records",
    "ledger_entries",
    "metadata",
    "network_sightings",
    "payouts",
    "program_terms",
    "programs",
    "rate_limits",
    "referral_codes",
    "referrals",
    "refresh_tokens",
    "rewards",
    "users",
    "webhook_deliveries",
    "webhook_endpoints",
]

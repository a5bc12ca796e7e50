"""Which decisions say that a reward was earned, and will never be given."""

from sqlalchemy import any_, literal_column

from referral.adapters.postgres.rewards.tables import decisions
from referral.domain.rewards.decision import REFUSALS

IS_REFUSAL = decisions.c.reason == any_(
    literal_column(f"ARRAY[{', '.join(repr(str(reason)) for reason in sorted(REFUSALS))}]")
)

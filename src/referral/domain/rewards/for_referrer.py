"""What the referrer may read of a decision about someone they brought."""

from dataclasses import replace

from referral.domain.programs.reward_rules import Side
from referral.domain.rewards.decision import QUALIFICATION, REFERRAL, REVIEW, Decision

# What the terms say is no secret, nor what becomes of the referrer's own rewards. Inputs that are new stay hidden until
# they are named here.
_TERMS = frozenset(
    {
        *("expected", "count", "min_amount", "within_days", "basis_points", "times"),
        *("rewards", "per_days", "at_qualified", "budget"),
    }
)
_OF_REWARDS = frozenset(
    {"to", "amount", "unit", "status", "reward", "reference", "qualified", "spent"}
)


def for_referrer(decision: Decision) -> Decision | None:
    """The decision as far as it is the referrer's own: without what the referee did or gets, and what others wrote.

    Of suspicions nothing is left, and nothing of a reward that may be the referee's.
    """
    inputs = decision.inputs
    if decision.own_rule == REFERRAL:
        return decision
    if decision.own_rule == QUALIFICATION:
        shown = _TERMS | {"unit"} if "min_amount" in inputs else _TERMS
    elif decision.own_rule != REVIEW and inputs.get("to") == Side.REFERRER:
        shown = _TERMS | _OF_REWARDS
    else:
        return None
    return replace(decision, inputs={k: value for k, value in inputs.items() if k in shown})

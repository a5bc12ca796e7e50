"""Decisions: what a rule made of something that happened, why, and by what."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from referral.domain.errors import InvalidInput
from referral.domain.programs.reward_rules import RewardRule
from referral.domain.rewards.reward import RewardId
from referral.domain.texts import is_printable

QUALIFICATION = "qualification"
"""The rule that a decision about a referral's standing is of."""

REFERRAL = "referral"
"""The rule by which a referral was made."""

REVIEW = "review"
"""The rule that a decision about a suspicion is of."""

REASON_LENGTH = range(1, 501)

Inputs = Mapping[str, int | str | None]


class Reason(StrEnum):
    """Why a rule decided as it did."""

    QUALIFIED = "qualified"
    QUALIFIED_AT_SIGN_UP = "qualified-at-sign-up"
    ALREADY_QUALIFIED = "already-qualified"
    COUNT_NOT_REACHED = "count-not-reached"
    OTHER_TYPE = "other-type"
    NO_AMOUNT = "no-amount"
    OTHER_UNIT = "other-unit"
    AMOUNT_TOO_SMALL = "amount-too-small"
    BEFORE_REFERRAL = "before-referral"
    TOO_LATE = "too-late"
    NOT_IN_TIME = "not-in-time"
    REFUND_UNDOES = "refund-undoes"
    REFUND_CHANGES_NOTHING = "refund-changes-nothing"
    REFERRAL_REJECTED = "referral-rejected"
    PROGRAM_ENDED = "program-ended"

    SAME_PERSON = "same-person"
    DISPOSABLE_EMAIL = "disposable-email"
    SAME_NETWORK = "same-network"
    VELOCITY = "velocity"

    EARNED = "earned"
    SHARE_TOO_SMALL = "share-too-small"
    TIMES_USED_UP = "times-used-up"
    MILESTONE_NOT_REACHED = "milestone-not-reached"
    REJECTED_BEFORE = "rejected-before"
    REFERRER_CAP_REACHED = "referrer-cap-reached"
    BUDGET_SPENT = "budget-spent"
    BENEFICIARY_ERASED = "beneficiary-erased"

    QUALIFICATION_UNDONE = "qualification-undone"
    MILESTONE_LOST = "milestone-lost"
    EVENT_REFUNDED = "event-refunded"
    EARLIER_EVENT_COUNTS = "earlier-event-counts"

    HOLD_DAYS_PASSED = "hold-days-passed"
    SIGNED_UP = "signed-up"
    BY_HAND = "by-hand"
    PAYOUT = "payout"


REFUSALS = frozenset(
    {
        Reason.BENEFICIARY_ERASED,
        Reason.BUDGET_SPENT,
        Reason.REFERRER_CAP_REACHED,
        Reason.REJECTED_BEFORE,
    }
)
"""Why a reward that was earned is not given, and never will be."""


class Outcome(StrEnum):
    """What became of a rule's reward; a decision about the standing has the referral's status instead."""

    REWARDED = "rewarded"
    NO_REWARD = "no-reward"
    REDUCED = "reduced"
    REVERSED = "reversed"
    TO_RECOVER = "to-recover"
    HELD = "held"
    PENDING = "pending"
    APPROVED = "approved"
    PAID = "paid"
    REJECTED = "rejected"
    RELEASED = "released"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What one rule made of something that happened, and why; `inputs` are what it was decided by."""

    rule: str
    outcome: str
    reason: Reason
    inputs: Inputs = field(default_factory=dict)
    reward_id: RewardId | None = None

    @property
    def own_rule(self) -> str:
        """Which of the service's own rules made it, nothing if one of the terms did, whatever that is called."""
        is_of_terms = self.reward_id is not None or self.outcome == Outcome.NO_REWARD
        return "" if is_of_terms else self.rule


def no_reward(rule: RewardRule, reason: Reason, inputs: Inputs | None = None) -> Decision:
    """That a rule gives nothing to whom it is for."""
    return Decision(
        rule=rule.rule,
        outcome=Outcome.NO_REWARD,
        reason=reason,
        inputs={"to": rule.to.value, **(inputs or {})},
    )


def given_reason(raw: str, *, is_needed: bool) -> None:
    """Raise InvalidInput unless it is 1 to 500 printable characters, or none where none is needed."""
    if not raw and not is_needed:
        return
    if not is_printable(raw, REASON_LENGTH):
        raise InvalidInput("A reason has 1 to 500 printable characters, and no space at its ends.")

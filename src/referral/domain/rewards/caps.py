"""Where rewards end: milestones that are not reached, caps and budgets."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from referral.domain.programs.reward_rules import RewardRule, Side
from referral.domain.programs.terms import Terms
from referral.domain.rewards.decision import Decision, Inputs, Reason, no_reward
from referral.domain.rewards.event import EventNumber


@dataclass(frozen=True, slots=True)
class Claim:
    """A reward that a rule gives, unless there is no room for it; a share is of the event `shared`."""

    rule: RewardRule
    amount: int
    shared: EventNumber | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What claims are held against: how many of the referrer's referrals are qualified, how many rewards the referrer
    got within the cap's days, and what was spent of each budget.
    """

    qualified: int
    rewarded: int
    spent: Mapping[str, int]


def award(
    terms: Terms, claims: Iterable[Claim], room: Room, *, is_referrer_erased: bool
) -> tuple[Sequence[Claim], Sequence[Decision]]:
    """The claims that there is room for, in the order of the rules, and why others are refused.

    Nobody is left to be rewarded where the account is erased; the referee's is not, who just did something.
    """
    granted: list[Claim] = []
    refused = []
    spent, rewarded = Counter(room.spent), room.rewarded
    for claim in claims:
        refusal = (
            _nobody(claim, is_referrer_erased=is_referrer_erased)
            or _no_milestone(claim, room)
            or _no_room_for_referrer(terms, claim, rewarded)
            or _no_budget(terms, claim, spent)
        )
        if refusal is None:
            granted.append(claim)
            rewarded += claim.rule.to == Side.REFERRER
            spent[claim.rule.unit] += claim.amount
        else:
            reason, inputs = refusal
            worth: Inputs = {"amount": claim.amount, "unit": claim.rule.unit}
            refused.append(no_reward(claim.rule, reason, {**worth, **inputs}))
    return granted, refused


def _nobody(claim: Claim, *, is_referrer_erased: bool) -> tuple[Reason, Inputs] | None:
    if is_referrer_erased and claim.rule.to == Side.REFERRER:
        return Reason.BENEFICIARY_ERASED, {}
    return None


def _no_milestone(claim: Claim, room: Room) -> tuple[Reason, Inputs] | None:
    rule = claim.rule
    if not rule.is_milestone or room.qualified == rule.at_qualified:
        return None
    inputs = {"qualified": room.qualified, "at_qualified": rule.at_qualified}
    return Reason.MILESTONE_NOT_REACHED, inputs


def _no_room_for_referrer(
    terms: Terms, claim: Claim, rewarded: int
) -> tuple[Reason, Inputs] | None:
    cap = terms.caps.referrer
    if cap is None or claim.rule.to != Side.REFERRER or rewarded < cap.rewards:
        return None
    return Reason.REFERRER_CAP_REACHED, {"rewards": cap.rewards, "per_days": cap.per_days}


def _no_budget(
    terms: Terms, claim: Claim, spent: Mapping[str, int]
) -> tuple[Reason, Inputs] | None:
    unit = claim.rule.unit
    for budget in terms.caps.budget:
        if budget.unit == unit and spent[unit] + claim.amount > budget.amount:
            return Reason.BUDGET_SPENT, {"budget": budget.amount, "spent": spent[unit]}
    return None

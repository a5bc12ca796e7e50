"""What a referral is worth under its terms, with all that is known of it: by rule, as if nothing had been given before."""

from collections.abc import Iterable, Mapping, Sequence

from referral.domain.programs.referral import ReferralStatus
from referral.domain.programs.reward_rules import RewardRule
from referral.domain.programs.terms import Qualification, Terms
from referral.domain.rewards.decision import Reason
from referral.domain.rewards.event import Event, EventId, EventNumber
from referral.domain.rewards.qualification import (
    Facts,
    Standing,
    left_of,
    refunds,
    too_little,
    why_not,
)

WHOLE = 10_000  # basis points

Purpose = tuple[str, EventNumber | None]
"""A rule, and the event that is shared in: a referral is rewarded once for each."""


def entitlement(
    terms: Terms, facts: Facts, after: Standing, events: Sequence[Event]
) -> Mapping[Purpose, int]:
    """What all rules but milestones give; those need to know of other referrals."""
    worth: dict[Purpose, int] = {}
    if after.status != ReferralStatus.QUALIFIED:
        return worth
    for rule in terms.rewards:
        if rule.is_share:
            for number, amount in shares(rule, terms.qualification, facts, events).items():
                worth[rule.rule, number] = amount
        elif rule.amount is not None and not rule.is_milestone:
            worth[rule.rule, None] = rule.amount
    return worth


def shares(
    rule: RewardRule, terms: Qualification, facts: Facts, events: Iterable[Event]
) -> Mapping[EventNumber, int]:
    """What each event that a rule shares in is worth to it now, by the event's number: the earliest `times` of them.

    What is left of a share is in proportion to what is left of its event, rounded down: refunds take back all of it, in
    however many parts.
    """
    known = [*events]
    refunded = refunds(known)
    shared = sorted(
        (e for e in known if e.of is None and why_no_share(rule, terms, facts, e) is None),
        key=lambda e: (e.occurred_at, e.source, e.id.value),
    )
    return {e.number: _share(rule, e, refunded) for e in shared[: rule.times]}


def why_no_share(
    rule: RewardRule, terms: Qualification, facts: Facts, event: Event
) -> Reason | None:
    """Why a rule does not share in an event, as it was told: a refund makes no room for another. None if it does.

    How long ago the sign-up is makes no difference, once the referral is qualified.
    """
    if event.amount is None:
        return Reason.NO_AMOUNT
    if event.amount.unit != rule.unit:
        return Reason.OTHER_UNIT
    refused = why_not(terms, facts, event, event.amount)
    return too_little(terms, event, event.amount) if refused == Reason.TOO_LATE else refused


def _share(rule: RewardRule, event: Event, refunded: Mapping[tuple[str, EventId], int]) -> int:
    left = left_of(event, refunded)
    if not event.amount or not left or not rule.basis_points or not event.amount.value:
        return 0
    full = event.amount.value * rule.basis_points // WHOLE
    if rule.max_amount is not None:
        full = min(full, rule.max_amount)
    return full * left.value // event.amount.value

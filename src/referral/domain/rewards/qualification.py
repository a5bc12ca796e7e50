"""Whether a referral qualifies: terms, facts and events in; a standing and the reason out. No clock, no order of arrival."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from referral.domain.programs.referral import Referral, ReferralStatus
from referral.domain.programs.terms import Qualification
from referral.domain.rewards.decision import QUALIFICATION, Decision, Inputs, Reason
from referral.domain.rewards.event import AHEAD, Amount, Event, EventId, EventNumber
from referral.domain.texts import written


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of a referral beside its events; `is_over` once its program has ended.

    Events that were `told_after_end` count for nothing, and their refunds with them; other refunds still do.
    """

    referred_at: datetime
    status: ReferralStatus
    qualified_at: datetime | None
    is_over: bool
    told_after_end: Collection[EventNumber] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """How a referral stands; one that qualified did so at the time of the event that completed it."""

    status: ReferralStatus
    qualified_at: datetime | None = None


def expiry(referral: Referral) -> Decision:
    """That a referral expires, whose time to qualify has passed."""
    return Decision(
        rule=QUALIFICATION,
        outcome=ReferralStatus.EXPIRED,
        reason=Reason.NOT_IN_TIME,
        inputs={"within_days": referral.within_days},
    )


def standing(
    terms: Qualification, facts: Facts, events: Iterable[Event], now: datetime
) -> Standing:
    """How the referral stands with all these events, in whatever order they come; refunds are among them."""
    if terms.is_sign_up or facts.status == ReferralStatus.REJECTED:
        return Standing(facts.status, facts.qualified_at)
    times = counted(terms, facts, events)
    if len(times) >= terms.count:
        return Standing(ReferralStatus.QUALIFIED, times[terms.count - 1])
    deadline = _deadline(terms, facts)
    is_expired = deadline is not None and deadline < now
    return Standing(ReferralStatus.EXPIRED if is_expired else ReferralStatus.SIGNED_UP)


def counted(terms: Qualification, facts: Facts, events: Iterable[Event]) -> Sequence[datetime]:
    """When the events occurred that count, earliest first."""
    known = [*events]
    refunded = refunds(known)
    return sorted(
        event.occurred_at
        for event in known
        if event.of is None and why_not(terms, facts, event, left_of(event, refunded)) is None
    )


def refunds(events: Iterable[Event]) -> Mapping[tuple[str, EventId], int]:
    """How much was refunded of each event, by its source and id."""
    refunded: dict[tuple[str, EventId], int] = {}
    for event in events:
        if event.of is not None and event.amount is not None:
            key = event.source, event.of
            refunded[key] = refunded.get(key, 0) + event.amount.value
    return refunded


def left_of(event: Event, refunded: Mapping[tuple[str, EventId], int]) -> Amount | None:
    """What is left of an event's amount after its refunds; None for an event without one."""
    if event.amount is None or not refunded:
        return event.amount
    return Amount(event.amount.value - refunded.get((event.source, event.id), 0), event.amount.unit)


def why_not(terms: Qualification, facts: Facts, event: Event, left: Amount | None) -> Reason | None:
    """Why an event of which this is left does not count; None if it does."""
    if event.number in facts.told_after_end:
        return Reason.PROGRAM_ENDED
    if event.type != terms.event:
        return Reason.OTHER_TYPE
    if event.occurred_at < facts.referred_at - AHEAD:
        return Reason.BEFORE_REFERRAL
    deadline = _deadline(terms, facts)
    if deadline is not None and event.occurred_at > deadline:
        return Reason.TOO_LATE
    return too_little(terms, event, left)


def held_against(terms: Qualification, facts: Facts, event: Event, why: Reason) -> Inputs:
    """What made `why_not` refuse an event, beside the event's own amount."""
    match why:
        case Reason.OTHER_TYPE:
            return {"expected": terms.event}
        case Reason.OTHER_UNIT:
            return {"expected": terms.unit}
        case Reason.NO_AMOUNT | Reason.AMOUNT_TOO_SMALL if terms.min_amount is not None:
            return {"min_amount": terms.min_amount, "unit": terms.unit}
        case Reason.BEFORE_REFERRAL:
            return _times(facts, event)
        case Reason.TOO_LATE:
            return {**_times(facts, event), "within_days": terms.within_days}
    return {}


def _times(facts: Facts, event: Event) -> Inputs:
    return {
        "occurred_at": written(event.occurred_at),
        "referred_at": written(facts.referred_at),
    }


def too_little(terms: Qualification, event: Event, left: Amount | None) -> Reason | None:
    """Why this is not what the terms ask an event to be worth, whenever it occurred; None if it is."""
    if terms.min_amount is None:
        is_refunded = left is not None and left.value == 0 and left != event.amount
        return Reason.AMOUNT_TOO_SMALL if is_refunded else None
    if left is None:
        return Reason.NO_AMOUNT
    if left.unit != terms.unit:
        return Reason.OTHER_UNIT
    return Reason.AMOUNT_TOO_SMALL if left.value < terms.min_amount else None


def _deadline(terms: Qualification, facts: Facts) -> datetime | None:
    return facts.referred_at + timedelta(terms.within_days) if terms.within_days else None

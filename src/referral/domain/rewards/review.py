"""What makes a referral suspicious: terms and signals in, doubts out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from referral.domain.accounts.mailbox import mailbox
from referral.domain.accounts.user import EmailAddress
from referral.domain.programs.referral import Referral, ReferralStatus
from referral.domain.programs.terms import Review, Verdict
from referral.domain.rewards.decision import REVIEW, Decision, Inputs, Outcome, Reason
from referral.domain.words import Word


class ReviewStatus(Word):
    """Whether someone has decided about a referral that was held, and what."""

    OPEN = "open"
    RELEASED = "released"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals:
    """What is known of a referral that is about to be made.

    `burst_began_at` is when the earliest sign-up was made of as many as the terms' `velocity` asks for, this one among
    them; none, if there are fewer. So is `crowd_began_at`, of as many people as `same_network` asks for.
    """

    referrer: EmailAddress | None
    referee: EmailAddress | None
    is_disposable: bool
    burst_began_at: datetime | None
    crowd_began_at: datetime | None


def review(rules: Review, signals: Signals, now: datetime) -> Sequence[Decision]:
    """A decision for each doubt, with what becomes of the referral; nothing that tells who someone is."""
    return [
        Decision(
            rule=REVIEW,
            outcome=Outcome.REJECTED if verdict == Verdict.REJECT else Outcome.HELD,
            reason=reason,
            inputs=inputs,
        )
        for verdict, reason, inputs in _doubts(rules, signals, now)
        if verdict != Verdict.ALLOW
    ]


def reviewed(referral: Referral, decisions: Sequence[Decision]) -> Referral:
    """The referral as it is with these doubts: rejected with one of them that rejects, else held by all of them."""
    if any(decision.outcome == Outcome.REJECTED for decision in decisions):
        return replace(
            referral, status=ReferralStatus.REJECTED, qualified_at=None, qualifies_until=None
        )
    return replace(referral, held_reasons=tuple(str(decision.reason) for decision in decisions))


def _doubts(
    rules: Review, signals: Signals, now: datetime
) -> Iterator[tuple[Verdict, Reason, Inputs]]:
    both = signals.referrer, signals.referee
    if None not in both and len({mailbox(address) for address in both if address}) == 1:
        yield rules.same_person, Reason.SAME_PERSON, {}
    if signals.is_disposable:
        yield rules.disposable_email, Reason.DISPOSABLE_EMAIL, {}
    for burst, began_at, reason in (
        (rules.same_network, signals.crowd_began_at, Reason.SAME_NETWORK),
        (rules.velocity, signals.burst_began_at, Reason.VELOCITY),
    ):
        if burst and began_at and began_at > now - timedelta(hours=burst.within_hours):
            inputs = {"sign_ups": burst.sign_ups, "within_hours": burst.within_hours}
            yield burst.then, reason, inputs

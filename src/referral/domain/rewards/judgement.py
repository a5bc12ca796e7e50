"""What an event means for a referral: terms, facts, events and rewards in; a standing, claims and what is taken back out.

It always looks at all events of a referral, so that it makes no difference in which order they were told.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from referral.domain.programs.referral import ReferralStatus
from referral.domain.programs.reward_rules import RewardRule
from referral.domain.programs.terms import Qualification, Terms
from referral.domain.rewards.caps import Claim
from referral.domain.rewards.decision import QUALIFICATION, Decision, Inputs, Reason, no_reward
from referral.domain.rewards.entitlement import Purpose, entitlement, why_no_share
from referral.domain.rewards.event import Event, EventId
from referral.domain.rewards.qualification import (
    Facts,
    Standing,
    counted,
    held_against,
    left_of,
    refunds,
    standing,
    why_not,
)
from referral.domain.rewards.reward import Reward, RewardStatus
from referral.domain.rewards.taking_back import TakeBack, given, too_much


@dataclass(frozen=True, slots=True)
class Judgement:
    """How a referral stands, what to give and to take back, and the reasons."""

    standing: Standing
    decisions: Sequence[Decision]
    claims: Sequence[Claim] = ()
    take_backs: Sequence[TakeBack] = ()


def judge_sign_up(terms: Terms, facts: Facts) -> Judgement:
    """What the sign-up itself is worth, where that qualifies."""
    after = Standing(facts.status, facts.qualified_at)
    if after.status != ReferralStatus.QUALIFIED:
        return Judgement(after, ())
    why = Reason.QUALIFIED_AT_SIGN_UP
    decision = Decision(rule=QUALIFICATION, outcome=after.status, reason=why)
    return Judgement(after, [decision], [Claim(rule, rule.amount or 0) for rule in terms.rewards])


def judge(
    terms: Terms,
    facts: Facts,
    events: Iterable[Event],
    rewards: Iterable[Reward],
    now: datetime,
) -> Judgement:
    """How a referral stands after the last of its `events`, and what changes of its rewards by it."""
    was = Standing(facts.status, facts.qualified_at)
    *_, event = known = [*events]
    if facts.is_over and (event.of is None or was.status != ReferralStatus.QUALIFIED):
        why = Reason.PROGRAM_ENDED
        return Judgement(was, [_about(terms.qualification, facts, was, why, known)])
    after = standing(terms.qualification, facts, known, now)
    why = _reason(terms.qualification, facts, after, known)
    worth = entitlement(terms, facts, after, known)
    rewards = [*rewards]
    found: list[Claim | Decision] = []
    if event.of is None and after.status == ReferralStatus.QUALIFIED:
        is_new = was.status != ReferralStatus.QUALIFIED
        found = [*_found(terms, facts, known, worth, rewards, is_new=is_new)]
    return Judgement(
        after,
        [
            _about(terms.qualification, facts, after, why, known),
            *(one for one in found if isinstance(one, Decision)),
        ],
        [one for one in found if isinstance(one, Claim)],
        [*too_much(rewards, worth, _why_less(after, event))],
    )


def _found(
    terms: Terms,
    facts: Facts,
    known: Sequence[Event],
    worth: Mapping[Purpose, int],
    rewards: Sequence[Reward],
    *,
    is_new: bool,
) -> Iterator[Claim | Decision]:
    """What the last event brings: all that a referral is worth that qualifies with it, else a share of the event itself."""
    event, had, refunded = known[-1], given(rewards), refunds(known)
    by_number = {e.number: e for e in known}
    rejected = {(r.rule, r.shared): r for r in rewards if r.status == RewardStatus.REJECTED}
    for rule in terms.rewards:
        if rule.is_milestone:
            if is_new:
                yield Claim(rule, rule.amount or 0)
            continue
        for purpose, amount in worth.items():
            name, shared = purpose
            if name == rule.rule and (is_new or (rule.is_share and shared == event.number)):
                if purpose not in rejected and amount > had[purpose]:
                    yield Claim(rule, amount - had[purpose], shared)
                    continue
                due: dict[str, int | str | None] = {"amount": amount, "unit": rule.unit}
                if shared is not None:
                    due |= _shared_in(rule, by_number[shared], refunded)
                if purpose in rejected:
                    due["reward"] = str(rejected[purpose].id)
                    yield no_reward(rule, Reason.REJECTED_BEFORE, due)
                else:
                    yield no_reward(rule, Reason.SHARE_TOO_SMALL, due)
        is_out = rule.is_share and (rule.rule, event.number) not in worth
        if is_out and event.type == terms.qualification.event:
            yield _no_share(rule, terms.qualification, facts, event)


def _no_share(rule: RewardRule, terms: Qualification, facts: Facts, event: Event) -> Decision:
    """Why a rule does not share in an event that was just told."""
    why = why_no_share(rule, terms, facts, event) or Reason.TIMES_USED_UP
    inputs = {**held_against(terms, facts, event, why), **_shared_in(rule, event, {})}
    if why == Reason.OTHER_UNIT:
        inputs["expected"] = rule.unit
    if why == Reason.TIMES_USED_UP:
        inputs["times"] = rule.times
    return no_reward(rule, why, inputs)


def _shared_in(
    rule: RewardRule, event: Event, refunded: Mapping[tuple[str, EventId], int]
) -> Inputs:
    """Of which event a share would be, and of how much that is left of it."""
    of = {"event": event.id.value, "basis_points": rule.basis_points}
    left = left_of(event, refunded)
    return of if left is None else {**of, "of_amount": left.value, "of_unit": left.unit}


def _why_less(after: Standing, event: Event) -> Reason:
    if after.status != ReferralStatus.QUALIFIED:
        return Reason.QUALIFICATION_UNDONE
    return Reason.EARLIER_EVENT_COUNTS if event.of is None else Reason.EVENT_REFUNDED


def _about(
    terms: Qualification, facts: Facts, after: Standing, why: Reason, known: Sequence[Event]
) -> Decision:
    event = known[-1]
    inputs: dict[str, int | str | None] = {"event": event.id.value, "type": event.type}
    if event.amount is not None:
        inputs |= {"amount": event.amount.value, "unit": event.amount.unit}
    if event.of is not None:
        inputs["of"] = event.of.value
    if why == Reason.COUNT_NOT_REACHED:
        inputs |= {"count": terms.count, "counted": len(counted(terms, facts, known))}
    inputs |= held_against(terms, facts, event, why)
    return Decision(rule=QUALIFICATION, outcome=after.status, reason=why, inputs=inputs)


def _reason(terms: Qualification, facts: Facts, after: Standing, known: Sequence[Event]) -> Reason:
    event = known[-1]
    if facts.status == ReferralStatus.REJECTED:
        return Reason.REFERRAL_REJECTED
    if terms.is_sign_up:
        return Reason.QUALIFIED_AT_SIGN_UP
    was_qualified = facts.status == ReferralStatus.QUALIFIED
    is_qualified = after.status == ReferralStatus.QUALIFIED
    if event.of is not None:
        undone = was_qualified and not is_qualified
        return Reason.REFUND_UNDOES if undone else Reason.REFUND_CHANGES_NOTHING
    refused = why_not(terms, facts, event, left_of(event, refunds(known)))
    if refused is not None:
        return refused
    if was_qualified:
        return Reason.ALREADY_QUALIFIED
    return Reason.QUALIFIED if is_qualified else Reason.COUNT_NOT_REACHED

"""What the rewards of a program would have been under other terms: its history is judged once more, by the same rules.

A referral's own events say what it is worth; what caps, budgets and milestones leave of it depends on all others before.
So referrals are judged one after the other, in any order, as if there were no caps, and what came of that is settled in
the order of time. A claim does not depend on whether an earlier one was granted, so that this comes to the same.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from referral.domain.programs.referral import ReferralStatus
from referral.domain.programs.reward_rules import RewardRule
from referral.domain.programs.terms import Terms
from referral.domain.rewards.entitlement import entitlement
from referral.domain.rewards.event import Event, EventNumber
from referral.domain.rewards.granting import reward_for
from referral.domain.rewards.history import History
from referral.domain.rewards.judgement import Judgement, judge, judge_sign_up
from referral.domain.rewards.qualification import Facts, standing
from referral.domain.rewards.reward import Reward, RewardId
from referral.domain.rewards.settlement import Loss, Settlement, Steps


@dataclass(frozen=True, slots=True)
class Sum:
    """So many rewards, and what they come to."""

    rewards: int = 0
    amount: int = 0

    def __add__(self, other: "Sum") -> "Sum":
        return Sum(self.rewards + other.rewards, self.amount + other.amount)

    def __sub__(self, other: "Sum") -> "Sum":
        return Sum(self.rewards - other.rewards, self.amount - other.amount)


class Replay:
    """The rewards that terms give for histories: first `take` each of them, then `settle` once, then look at `sums`.

    Both are done as far as they are iterated, and tell how much work each part was, in events looked at.
    """

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self._counts = [0] * len(terms.rewards)
        self._amounts = [0] * len(terms.rewards)
        self._numbers = {rule.rule: number for number, rule in enumerate(terms.rewards)}
        self._has_shares = any(rule.is_share for rule in terms.rewards)
        caps = terms.caps
        self._is_bounded = (
            caps.referrer is not None
            or bool(caps.budget)
            or any(rule.is_milestone for rule in terms.rewards)
        )
        self._steps = Steps()

    @property
    def sums(self) -> Mapping[RewardRule, Sum]:
        """What each rule gave and was not taken back."""
        sums = map(Sum, self._counts, self._amounts)
        return dict(zip(self.terms.rewards, sums, strict=True))

    def take(self, history: History) -> Iterator[int]:
        """Judge a referral by its events."""
        facts = history.beginning(self.terms)
        if not self.terms.rewards or facts.status == ReferralStatus.REJECTED:
            return
        if self._is_bounded or history.referrer_erased_at:
            yield from self._judge_each(history, facts)
        else:
            self._judge_all(history, facts)
            yield len(history.events)

    def settle(self) -> Iterator[int]:
        """Hold everything against caps and milestones."""
        settlement = Settlement(self.terms, self._steps)
        for _ in settlement.run():
            yield 1
        for rule, amount in settlement.given():
            self._give(rule, amount)
        self._steps = Steps()

    def _judge_all(self, history: History, facts: Facts) -> None:
        """At once, which comes to the same where no cap makes a difference, and takes a fraction of the time."""
        events = history.events
        after = standing(self.terms.qualification, facts, events, facts.referred_at)
        for (rule, _), amount in entitlement(self.terms, facts, after, events).items():
            if amount:
                self._give(self._numbers[rule], amount)

    def _give(self, rule: int, amount: int) -> None:
        self._counts[rule] += 1
        self._amounts[rule] += amount

    def _judge_each(self, history: History, facts: Facts) -> Iterator[int]:
        rewards: dict[RewardId, Reward] = {}
        at = facts.referred_at
        is_new = facts.status == ReferralStatus.QUALIFIED
        self._note(history, at, is_new, judge_sign_up(self.terms, facts), rewards)
        told = zip(history.events, history.recorded_at, strict=True)
        for number, (event, recorded_at) in enumerate(told, 1):
            at = max(at, recorded_at)  # clocks of processes may differ a little
            if not self._may_matter(facts, event):
                continue
            events = history.events[:number]
            judged = judge(self.terms, facts, events, rewards.values(), at)
            turn = _is_qualified(judged.standing.status) - _is_qualified(facts.status)
            self._note(history, at, turn, judged, rewards, cause=event.number)
            facts = replace(
                facts,
                status=judged.standing.status,
                qualified_at=judged.standing.qualified_at,
            )
            yield number

    def _may_matter(self, facts: Facts, event: Event) -> bool:
        """Whether an event can change anything: a refund can, and one that counts, until there is nothing more to give."""
        if event.of is not None:
            return True
        if event.type != self.terms.qualification.event:
            return False
        return self._has_shares or not _is_qualified(facts.status)

    def _note(
        self,
        history: History,
        at: datetime,
        turn: int,
        judged: Judgement,
        rewards: dict[RewardId, Reward],
        *,
        cause: EventNumber | None = None,
    ) -> None:
        """Keep what came of an event, and what the referral has then, as long as no cap says otherwise."""
        if not (turn or judged.claims or judged.take_backs):
            return
        losses = []
        for back in judged.take_backs:
            rewards[back.reward.id] = back.reward.less(back.amount)
            losses.append(Loss(back.reward.id.int, back.reward.amount - back.amount))
        rows = self._steps.add(
            at,
            history.referral.referrer_id,
            turn,
            [(self._numbers[claim.rule.rule], claim.amount) for claim in judged.claims],
            losses,
            is_referrer_erased=history.is_referrer_erased(at),
        )
        for row, claim in zip(rows, judged.claims, strict=True):
            if not claim.rule.is_milestone:
                new_id = RewardId(UUID(int=row))
                rewards[new_id] = reward_for(
                    claim, history.referral, self.terms, new_id, now=at, cause=cause
                )


def _is_qualified(status: ReferralStatus) -> bool:
    return status == ReferralStatus.QUALIFIED

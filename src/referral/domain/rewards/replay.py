"""What the rewards of a program would have been under other terms: its history is judged once more, by the same rules.

A referral's own events say what it is worth; what caps, budgets and milestones leave of it depends on all others before.
So referrals are judged one after the other, in any order, as if there were no caps, and what came of that is settled in
the order of time. A claim does not depend on whether an earlier one was granted, so that this comes to the same.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from uuid import UUID

from referral.domain.programs.referral import ReferralStatus
from referral.domain.programs.reward_rules import RewardRule
from referral.domain.programs.terms import Terms
from referral.domain.rewards.caps import Claim
from referral.domain.rewards.entitlement import entitlement
from referral.domain.rewards.event import Event, EventNumber
from referral.domain.rewards.granting import reward_for
from referral.domain.rewards.history import History
from referral.domain.rewards.judgement import judge, judge_sign_up
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
        if not (self._is_bounded or history.referrer_erased_at):
            self._judge_all(history, facts)
        elif _is_in_order(history.events):
            self._judge_in_order(history, facts)
        else:
            yield from self._judge_each(history, facts)
            return
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
        after = standing(self.terms.qualification, facts, history.events, facts.referred_at)
        for (rule, _), amount in entitlement(self.terms, facts, after, history.events).items():
            if amount:
                self._give(self._numbers[rule], amount)

    def _give(self, rule: int, amount: int) -> None:
        self._counts[rule] += 1
        self._amounts[rule] += amount

    def _judge_in_order(self, history: History, facts: Facts) -> None:
        """At once too: what each event is worth in the end it has brought when it was told, for no other took it back."""
        self._sign_up(history, facts)
        after = standing(self.terms.qualification, facts, history.events, facts.referred_at)
        if facts.qualified_at or not after.qualified_at:
            return
        turn = next(e.number for e in history.events if e.occurred_at == after.qualified_at)
        worth = entitlement(self.terms, facts, after, history.events)
        claims: dict[EventNumber, list[Claim]] = defaultdict(list, {turn: []})
        for rule in self.terms.rewards:
            if rule.is_milestone:
                claims[turn].append(Claim(rule, rule.amount or 0))
            for (name, shared), amount in worth.items():
                if name == rule.rule and amount:
                    claims[max(turn, shared or turn)].append(Claim(rule, amount, shared))
        for event, at in _told(history):
            if event.number in claims:
                self._note(history, at, event.number == turn, claims[event.number])

    def _sign_up(self, history: History, facts: Facts) -> Sequence[tuple[int, Claim]]:
        claims = judge_sign_up(self.terms, facts).claims
        return self._note(history, facts.referred_at, facts.qualified_at is not None, claims)

    def _judge_each(self, history: History, facts: Facts) -> Iterator[int]:
        rewards: dict[RewardId, Reward] = {}

        def keep(
            at: datetime, claims: Sequence[tuple[int, Claim]], cause: EventNumber | None = None
        ) -> None:
            """Among what the referral has then, as long as no cap says otherwise."""
            for row, claim in claims:
                if not claim.rule.is_milestone:
                    new_id = RewardId(UUID(int=row))
                    rewards[new_id] = reward_for(
                        claim, history.referral, self.terms, new_id, now=at, cause=cause
                    )

        keep(facts.referred_at, self._sign_up(history, facts))
        for number, (event, at) in enumerate(_told(history), 1):
            if not self._may_matter(facts, event):
                continue
            judged = judge(self.terms, facts, history.events[:number], rewards.values(), at)
            after = judged.standing
            turn = _is_qualified(after.status) - _is_qualified(facts.status)
            losses = []
            for back in judged.take_backs:
                rewards[back.reward.id] = back.reward.less(back.amount)
                losses.append(Loss(back.reward.id.int, back.reward.amount - back.amount))
            keep(at, self._note(history, at, turn, judged.claims, losses), event.number)
            facts = replace(facts, status=after.status, qualified_at=after.qualified_at)
            yield number

    def _may_matter(self, facts: Facts, event: Event) -> bool:
        """Whether an event can change anything: a refund can, and one that counts, until there is nothing more to give."""
        counts = event.type == self.terms.qualification.event
        has_more = self._has_shares or not _is_qualified(facts.status)
        return event.of is not None or (counts and has_more)

    def _note(
        self,
        history: History,
        at: datetime,
        turn: int,
        claims: Sequence[Claim],
        losses: Sequence[Loss] = (),
    ) -> Sequence[tuple[int, Claim]]:
        """Keep what came of an event; give the claims with their rows."""
        if not (turn or claims or losses):
            return []
        rows = self._steps.add(
            at,
            history.referral.referrer_id,
            turn,
            [(self._numbers[claim.rule.rule], claim.amount) for claim in claims],
            losses,
            is_referrer_erased=history.is_referrer_erased(at),
        )
        return [*zip(rows, claims, strict=True)]


def _is_in_order(events: Sequence[Event]) -> bool:
    """Whether nothing was refunded, and all was told in the order in which it happened."""
    return all(event.of is None for event in events) and all(
        before.occurred_at < after.occurred_at for before, after in pairwise(events)
    )


def _told(history: History) -> Iterator[tuple[Event, datetime]]:
    """Each event with the time when it was told; the clocks of processes may differ a little."""
    latest = history.referral.created_at
    for event, recorded_at in zip(history.events, history.recorded_at, strict=True):
        latest = max(latest, recorded_at)
        yield event, latest


def _is_qualified(status: ReferralStatus) -> bool:
    return status == ReferralStatus.QUALIFIED

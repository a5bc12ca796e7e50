"""What many referrals come to together: claims in the order in which they were made, held against caps and milestones."""

from array import array
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from referral.domain.accounts.user import UserId
from referral.domain.programs.reward_rules import Side
from referral.domain.programs.terms import Terms
from referral.domain.rewards.caps import Claim, Room, award
from referral.domain.rewards.taking_back import is_lost

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Loss:
    """What is left of what was claimed before, for a reason that has nothing to do with caps."""

    claim: int
    left: int


class Steps:
    """What events made of referrals, in any order; in columns, of which a million take 40 MB and not 400.

    Each claim and each loss is a row, by the number of which a loss names its claim.
    """

    def __init__(self) -> None:
        self.times = array("q")
        self.referrers = array("I")
        self.turns = array("b")  # 1 where a referral qualifies, -1 where that is undone
        self.erased = array("b")
        self.first_rows = array("I", [0])
        self.steps = array("I")
        self.rules = array("b")
        self.amounts = array("q")
        self.claims = array("I")
        self._numbers: dict[UserId, int] = {}

    def add(
        self,
        at: datetime,
        referrer_id: UserId,
        turn: int,
        claims: Iterable[tuple[int, int]],
        losses: Iterable[Loss],
        *,
        is_referrer_erased: bool,
    ) -> range:
        """One step, with its claims as the number of a rule and an amount; give the rows of the claims."""
        step, first = len(self.times), len(self.rules)
        self.times.append((at - _EPOCH) // _MICROSECOND)
        self.referrers.append(self._numbers.setdefault(referrer_id, len(self._numbers)))
        self.turns.append(turn)
        self.erased.append(is_referrer_erased)
        for rule, amount in claims:
            self._add_row(step, rule, amount, len(self.rules))
        last = len(self.rules)
        for loss in losses:
            self._add_row(step, self.rules[loss.claim], loss.left, loss.claim)
        self.first_rows.append(len(self.rules))
        return range(first, last)

    def _add_row(self, step: int, rule: int, amount: int, claim: int) -> None:
        self.steps.append(step)
        self.rules.append(rule)
        self.amounts.append(amount)
        self.claims.append(claim)

    def in_order(self) -> Sequence[int]:
        return sorted(range(len(self.times)), key=self.times.__getitem__)

    def rows_of(self, step: int) -> range:
        return range(self.first_rows[step], self.first_rows[step + 1])


class Settlement:
    """Grants the claims of all steps that there is room for, each as far as nothing was lost of it."""

    def __init__(self, terms: Terms, steps: Steps) -> None:
        self._terms = terms
        self._steps = steps
        self._granted = array("q", bytes(8 * len(steps.rules)))
        self._spent: Counter[str] = Counter()
        self._qualified: Counter[int] = Counter()
        self._rewarded: dict[int, list[int]] = defaultdict(list)
        self._milestones: dict[int, list[int]] = defaultdict(list)

    def run(self) -> Iterator[None]:
        """One step at a time."""
        for step in self._steps.in_order():
            referrer, turn = self._steps.referrers[step], self._steps.turns[step]
            self._qualified[referrer] += turn
            rows = self._steps.rows_of(step)
            claims = [row for row in rows if self._steps.claims[row] == row]
            for row in rows[len(claims) :]:
                self._lose(self._steps.claims[row], referrer, self._steps.amounts[row])
            if turn < 0:
                self._lose_milestones(referrer)
            if claims:
                self._grant(step, referrer, claims)
            yield

    def given(self) -> Iterator[tuple[int, int]]:
        """The number of its rule and the amount of each reward that is left in the end."""
        return ((self._steps.rules[row], n) for row, n in enumerate(self._granted) if n)

    def _grant(self, step: int, referrer: int, rows: Sequence[int]) -> None:
        at = self._steps.times[step]
        rules = self._terms.rewards
        claims = [Claim(rules[self._steps.rules[n]], self._steps.amounts[n]) for n in rows]
        granted, _ = award(
            self._terms,
            claims,
            Room(
                qualified=self._qualified[referrer],
                rewarded=self._rewarded_within(referrer, at),
                spent=self._spent,
            ),
            is_referrer_erased=bool(self._steps.erased[step]),
        )
        is_granted = {id(claim) for claim in granted}
        for row, claim in zip(rows, claims, strict=True):
            if id(claim) in is_granted:
                self._granted[row] = claim.amount
                self._spent[claim.rule.unit] += claim.amount
                if claim.rule.to == Side.REFERRER:
                    self._rewarded[referrer].append(at)
                if claim.rule.is_milestone:
                    self._milestones[referrer].append(row)

    def _rewarded_within(self, referrer: int, at: int) -> int:
        times, cap = self._rewarded[referrer], self._terms.caps.referrer
        if cap is None or cap.per_days is None:
            return len(times)
        return len(times) - bisect_right(times, at - timedelta(cap.per_days) // _MICROSECOND)

    def _lose(self, row: int, referrer: int, left: int) -> None:
        lost = self._granted[row] - left
        if lost <= 0:
            return
        self._granted[row] = left
        rule = self._terms.rewards[self._steps.rules[row]]
        self._spent[rule.unit] -= lost
        if not left and rule.to == Side.REFERRER:
            times = self._rewarded[referrer]
            del times[bisect_left(times, self._steps.times[self._steps.steps[row]])]

    def _lose_milestones(self, referrer: int) -> None:
        kept = []
        for row in self._milestones[referrer]:
            at_qualified = self._terms.rewards[self._steps.rules[row]].at_qualified
            if at_qualified is not None and is_lost(at_qualified, self._qualified[referrer]):
                self._lose(row, referrer, 0)
            else:
                kept.append(row)
        self._milestones[referrer] = kept

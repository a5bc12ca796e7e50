"""What a program gives for a referral, and where that ends."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from referral.domain.errors import Violation
from referral.domain.programs.plain_data import Part, PlainData, Several
from referral.domain.programs.plain_values import Choice, Text, Whole
from referral.domain.programs.term_values import AMOUNT, COUNT, MOST_DAYS, UNIT

_RULE = Text(
    "[a-z][a-z0-9_-]{0,39}",
    "A rule's name is 1 to 40 of a-z, 0-9, _ and -, and not qualification, referral or review.",
)

OWN_NAMES = frozenset({"qualification", "referral", "review"})
"""The names of what decides beside the rules; terms that were stored before these were refused may have them."""


class Side(StrEnum):
    """Who is rewarded."""

    REFERRER = "referrer"
    REFEREE = "referee"


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardRule(PlainData):
    """What one rule gives: a fixed amount at the qualification or at a milestone, or a share of each event."""

    rule: Annotated[
        str,
        _RULE,
        "the rule's name; no two are the same, and none is qualification, referral or review",
    ]
    to: Annotated[Side, Choice((*Side,)), "who is rewarded"]
    unit: Annotated[str, UNIT, "the unit of `amount`, or of the events that are shared in"]
    amount: Annotated[int | None, AMOUNT, "a fixed reward, in the unit's minor unit"] = None
    basis_points: Annotated[
        int | None,
        Whole(1, 10_000),
        "a share of each qualifying event's amount, in hundredths of a percent, rounded down",
    ] = None
    max_amount: Annotated[int | None, AMOUNT, "the most that one event's share gives"] = None
    times: Annotated[int | None, COUNT, "how many events of a referral are shared in; all"] = None
    at_qualified: Annotated[
        int | None, COUNT, "rewards a referrer's so-many-th qualified referral, once"
    ] = None

    @property
    def is_share(self) -> bool:
        return self.basis_points is not None

    @property
    def is_milestone(self) -> bool:
        return self.at_qualified is not None

    def contradictions(self) -> Iterator[Violation]:
        if self.rule in OWN_NAMES:
            yield Violation(_RULE.says, "rule")
        if self.amount is None and not self.is_share:
            yield Violation("A rule gives an `amount`, or a share in `basis_points`.", "amount")
        if self.amount is not None and self.is_share:
            yield Violation("A rule gives an amount or a share, not both.", "basis_points")
        if self.is_milestone and self.is_share:
            yield Violation("A milestone has a fixed amount.", "at_qualified")
        if self.is_milestone and self.to == Side.REFEREE:
            yield Violation("A milestone rewards the referrer.", "to")
        for name in ("max_amount", "times"):
            if getattr(self, name) is not None and not self.is_share:
                yield Violation("This is for a share in `basis_points` only.", name)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferrerCap(PlainData):
    """How often one referrer is rewarded."""

    rewards: Annotated[int, COUNT, "the most rewards that one referrer gets"]
    per_days: Annotated[int | None, Whole(1, MOST_DAYS), "within so many days; ever"] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget(PlainData):
    """What the program may cost in one unit."""

    unit: Annotated[str, UNIT, "the unit; each has one budget"]
    amount: Annotated[int, AMOUNT, "the most that all rewards come to"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps(PlainData):
    """Where rewards end."""

    referrer: Annotated[ReferrerCap | None, Part(ReferrerCap), "for one referrer; no end"] = None
    budget: Annotated[
        tuple[Budget, ...],
        Several(Part(Budget), most=20, distinct="unit"),
        "for the program; no end in other units",
    ] = ()

"""The terms of a program: who may have which codes, what qualifies a referral, what it is worth, and what is suspicious.

Amounts are whole numbers of their unit's minor unit: cents for EUR, points for points.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, NewType

from referral.domain.errors import InvalidInput, Violation
from referral.domain.programs.plain_data import Part, PlainData, Several, is_read
from referral.domain.programs.plain_values import Choice, Flag, Text, Whole
from referral.domain.programs.reward_rules import Caps, RewardRule
from referral.domain.programs.term_values import AMOUNT, COUNT, EVENT_TYPE, MOST_DAYS, UNIT

TermsVersion = NewType("TermsVersion", int)
"""Counts the terms of one program, from 1."""

SIGNED_UP = "signed_up"
REFUND = "refund"

NETWORK_HOURS = 720  # for so long a network is remembered

_WORD = Text(
    "(?=.{1,32}$)[A-Za-z0-9]+(-[A-Za-z0-9]+)*",
    "A reserved word is 1 to 32 letters A-Z and digits, with single dashes inside.",
    capitals=True,
)


class Verdict(StrEnum):
    """What becomes of a suspicious referral."""

    ALLOW = "allow"
    HOLD = "hold"
    REJECT = "reject"


_VERDICT = Choice((*Verdict,))
_DOUBT = Choice((Verdict.HOLD, Verdict.REJECT))


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeRules(PlainData):
    """What a code of the program may be."""

    max_uses: Annotated[int | None, COUNT, "how many people may sign up with one code"] = None
    max_lifetime_days: Annotated[
        int | None, Whole(1, MOST_DAYS), "how long a code may be valid; 10 years without it"
    ] = None
    own_text: Annotated[bool, Flag(), "whether people may choose a code's text"] = True
    reserved: Annotated[
        tuple[str, ...],
        Several(_WORD, most=200),
        "words that a chosen text may not be, nor have between its dashes; case makes no difference",
    ] = ()

    def ensure_own_text(self, text: str) -> None:
        """Raise InvalidInput unless someone may choose this text, which is in capitals."""
        if not self.own_text:
            raise InvalidInput("The codes of this program have generated texts only.")
        if any(f"-{word}-" in f"-{text}-" for word in self.reserved):
            raise InvalidInput("This text has a reserved word in it; choose another.")

    def ensure_lifetime(self, lifetime: timedelta) -> None:
        """Raise InvalidInput if a code may not be valid for so long."""
        if self.max_lifetime_days is not None and lifetime > timedelta(self.max_lifetime_days):
            raise InvalidInput(
                f"A code of this program expires within {self.max_lifetime_days} days."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Qualification(PlainData):
    """What a referee has to do."""

    event: Annotated[str, EVENT_TYPE, "the type of event that counts; `signed_up` is the sign-up"]
    count: Annotated[int, Whole(1, 1000), "how many such events it takes"] = 1
    min_amount: Annotated[int | None, AMOUNT, "what each of them has to be worth"] = None
    unit: Annotated[str | None, UNIT, "the unit of `min_amount`; others do not count"] = None
    within_days: Annotated[
        int | None, Whole(1, MOST_DAYS), "how long after the sign-up; any time without it"
    ] = None

    @property
    def is_sign_up(self) -> bool:
        return self.event == SIGNED_UP

    def contradictions(self) -> Iterator[Violation]:
        if self.event == REFUND:
            yield Violation("A refund qualifies nobody.", "event")
        if self.is_sign_up:
            if self.count != 1:
                yield Violation("People sign up once.", "count")
            for name in ("min_amount", "unit", "within_days"):
                if getattr(self, name) is not None:
                    yield Violation("A sign-up has no amount and no delay.", name)
        elif self.min_amount is None and self.unit is not None:
            yield Violation("A unit belongs to `min_amount`, which is not there.", "unit")
        elif self.unit is None and self.min_amount is not None:
            yield Violation("`min_amount` needs a unit.", "unit")


@dataclass(frozen=True, slots=True, kw_only=True)
class Burst(PlainData):
    """So many sign-ups in so short a time."""

    sign_ups: Annotated[int, COUNT, "from so many sign-ups on"]
    within_hours: Annotated[int, Whole(1, NETWORK_HOURS), "within so many hours"]
    then: Annotated[Verdict, _DOUBT, "what becomes of a referral then"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Review(PlainData):
    """What makes a referral suspicious, and what becomes of it."""

    same_person: Annotated[Verdict, _VERDICT, "both have one normalised address"] = Verdict.ALLOW
    disposable_email: Annotated[Verdict, _VERDICT, "a throw-away address"] = Verdict.ALLOW
    same_network: Annotated[Burst | None, Part(Burst), "people at one network"] = None
    velocity: Annotated[Burst | None, Part(Burst), "sign-ups of one referrer"] = None


_NO_CAPS = Caps()


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms(PlainData):
    """What a program promises; without any member, a sign-up qualifies and nobody is rewarded."""

    code: Annotated[CodeRules, Part(CodeRules), "the program's codes"] = CodeRules()
    qualification: Annotated[Qualification, Part(Qualification), "what qualifies a referral"] = (
        Qualification(event=SIGNED_UP)
    )
    rewards: Annotated[
        tuple[RewardRule, ...],
        Several(Part(RewardRule), most=30, distinct="rule"),
        "what a qualified referral is worth",
    ] = ()
    hold_days: Annotated[
        int, Whole(0, 365), "how long a reward is pending before it is approved"
    ] = 0
    caps: Annotated[Caps, Part(Caps), "where rewards end"] = _NO_CAPS
    review: Annotated[Review, Part(Review), "what is suspicious"] = Review()
    attach_within_days: Annotated[
        int, Whole(0, 365), "how long after enrolment a participant can still be referred"
    ] = 7

    @property
    def judges_networks(self) -> bool:
        return self.review.same_network is not None

    @property
    def judges_sign_ups(self) -> bool:
        """Whether a sign-up has to know these terms: it may be rewarded, or suspicious."""
        is_rewarded = self.qualification.is_sign_up and bool(self.rewards)
        return is_rewarded or self.review != Review()

    def contradictions(self) -> Iterator[Violation]:
        if not is_read(self.qualification, self.rewards):
            return
        for n, reward in enumerate(self.rewards):
            if not is_read(reward) or not reward.is_share:
                continue
            place, unit = f"rewards/{n}", self.qualification.unit
            if self.qualification.is_sign_up:
                yield Violation("A sign-up has no amount to share in.", f"{place}/basis_points")
            elif unit is not None and is_read(unit, reward.unit) and unit != reward.unit:
                yield Violation("What qualifies has another unit.", f"{place}/unit")


@dataclass(frozen=True, slots=True)
class KeptTerms:
    """Terms of a program as they are kept; they never change."""

    version: TermsVersion
    terms: Terms
    created_at: datetime

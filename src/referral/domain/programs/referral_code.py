"""Referral codes: their text, their expiry, and when one can be used.

A user has at most one active code of a program at any moment. One code alone cannot see that rule, so the
`ReferralCodes` port promises it: `add` refuses the second.
"""

import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NewType, Self

from referral.domain.accounts.user import UserId
from referral.domain.errors import InvalidInput
from referral.domain.programs.errors import CodeNotFound, CodeNotUsable, NotYourCode
from referral.domain.programs.program import ProgramInForce, ProgramOfCode

CodeId = NewType("CodeId", int)

CODE_LENGTH = range(6, 33)
MAX_LIFETIME_YEARS = 10
GENERATED_LENGTH = 12
UNAMBIGUOUS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # no 0/O, 1/I/L

_SHAPE = re.compile(r"[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class CodeText:
    """What a code looks like on paper, in capitals."""

    value: str

    @classmethod
    def parse(cls, raw: str) -> Self:
        """Raise InvalidInput unless it is 6 to 32 of A–Z and 0–9, with single dashes inside, in any case."""
        if len(raw) not in CODE_LENGTH or not _SHAPE.fullmatch(raw):
            raise InvalidInput(
                "A referral code is 6 to 32 letters A-Z and digits, with single dashes inside."
            )
        return cls(raw.upper())


def ensure_may_expire(at: datetime, now: datetime) -> None:
    """Raise InvalidInput unless a code may expire then: after `now`, and at most 10 years later."""
    if at <= now:
        raise InvalidInput("Expires time less than current time")
    if at > _years_after(now, MAX_LIFETIME_YEARS):
        raise InvalidInput(f"A referral code expires within {MAX_LIFETIME_YEARS} years.")


def _years_after(moment: datetime, years: int) -> datetime:
    try:
        return moment.replace(year=moment.year + years)
    except ValueError:  # 29 February
        return moment.replace(year=moment.year + years, month=3, day=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewReferralCode:
    """A code about to be issued; storing it gives it its id."""

    owner_id: UserId
    program: ProgramInForce
    text: CodeText
    issued_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferralCode:
    """A code its owner hands out; it can be used until it expires, is retired or used up, while its program is open."""

    id: CodeId
    owner_id: UserId
    program: ProgramOfCode
    text: CodeText
    issued_at: datetime
    expires_at: datetime
    retired_at: datetime | None = None
    max_uses: int | None = None
    uses: int = 0

    def is_active(self, now: datetime) -> bool:
        """Whether it is the one active code that its owner has of the program, usable or not."""
        return self.retired_at is None and now < self.expires_at

    def is_usable(self, now: datetime) -> bool:
        """Whether someone can sign up with it now."""
        return (
            self.is_active(now)
            and (self.max_uses is None or self.uses < self.max_uses)
            and self.program.is_open(now)
        )

    def ensure_usable(self, now: datetime) -> None:
        """Raise CodeNotUsable unless someone can sign up with it now."""
        if not self.is_usable(now):
            raise CodeNotUsable

    def ensure_owned_by(self, user_id: UserId) -> None:
        """Raise NotYourCode unless it is the user's own."""
        if self.owner_id != user_id:
            raise NotYourCode

    def retire(self, now: datetime) -> Self:
        """The code, withdrawn for good; raise CodeNotFound if it already was.

        Never earlier than it was issued, however far the clocks of two processes are apart.
        """
        if self.retired_at is not None:
            raise CodeNotFound
        return replace(self, retired_at=max(now, self.issued_at))

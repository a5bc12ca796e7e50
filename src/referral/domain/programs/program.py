"""Programs: what they are called, and when they take new codes and referrals.

draft → active ⇄ paused → ended, and from active to ended too.
"""

import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NewType, Self
from uuid import UUID

from referral.domain.errors import InvalidInput
from referral.domain.programs.errors import StatusNotReachable
from referral.domain.programs.terms import Terms, TermsVersion
from referral.domain.texts import is_printable
from referral.domain.words import Word

ProgramId = NewType("ProgramId", int)

MAX_SLUG = 50
MAX_NAME = 100
MAX_URL = 2000
SLUG_SHAPE = "[a-z0-9]+(-[a-z0-9]+)*"
URL_SHAPE = "https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?([/?#][!-~]*)?"


@dataclass(frozen=True, slots=True)
class Slug:
    """A program's name in addresses."""

    value: str

    @classmethod
    def parse(cls, raw: str) -> Self:
        """Raise InvalidInput unless it is 1 to 50 of a-z and 0-9, with single dashes inside."""
        if len(raw) > MAX_SLUG or not re.fullmatch(SLUG_SHAPE, raw):
            raise InvalidInput("A slug is 1 to 50 of a-z and 0-9, with single dashes inside.")
        return cls(raw)


DEFAULT = Slug("default")
"""The program of the codes and sign-ups that name none. It is always there."""


class ProgramStatus(Word):
    DRAFT = "draft"
    ACTIVE = "active"
    PAUSED = "paused"
    ENDED = "ended"


_NEXT = {
    ProgramStatus.DRAFT: {ProgramStatus.ACTIVE},
    ProgramStatus.ACTIVE: {ProgramStatus.PAUSED, ProgramStatus.ENDED},
    ProgramStatus.PAUSED: {ProgramStatus.ACTIVE, ProgramStatus.ENDED},
    ProgramStatus.ENDED: set[ProgramStatus](),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Season:
    """When a program takes new codes and referrals: while it is active, from `starts_at` until before `ends_at`."""

    status: ProgramStatus = ProgramStatus.DRAFT
    starts_at: datetime | None = None
    ends_at: datetime | None = None

    def is_open(self, now: datetime) -> bool:
        return (
            self.status == ProgramStatus.ACTIVE
            and (self.starts_at is None or self.starts_at <= now)
            and (self.ends_at is None or now < self.ends_at)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NewProgram(Season):
    """A program about to be created; storing it gives it its id."""

    slug: Slug
    name: str
    landing_url: str | None = None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Program(NewProgram):
    """A program; `terms_version` is the newest of its terms, and each change gives it another `revision`."""

    id: ProgramId
    terms_version: TermsVersion
    revision: UUID

    def become(self, status: ProgramStatus) -> Self:
        """The program in this status, which may be the one it has; raise StatusNotReachable."""
        if status != self.status:
            if self.slug == DEFAULT and status == ProgramStatus.ENDED:
                raise StatusNotReachable("The default program does not end.")
            if status not in _NEXT[self.status]:
                raise StatusNotReachable(f"No {self.status} program becomes {status}.")
        return replace(self, status=status)


def ensure_ends_later(starts_at: datetime | None, ends_at: datetime | None) -> None:
    """Raise InvalidInput unless a program with these dates ends after it starts, as one without an end does."""
    if starts_at and ends_at and ends_at <= starts_at:
        raise InvalidInput("A program ends after it starts.")


def program_name(raw: str) -> str:
    """What people read; raise InvalidInput unless it is 1 to 100 printable characters, without space around them."""
    if not is_printable(raw, range(1, MAX_NAME + 1)):
        raise InvalidInput("A name is 1 to 100 printable characters, without space around them.")
    return raw


def landing_url(raw: str) -> str:
    """Where a program's links lead; raise InvalidInput unless it is an http or https address of at most 2000 characters."""
    if len(raw) > MAX_URL or not re.fullmatch(URL_SHAPE, raw):
        raise InvalidInput(
            "A landing page has an http or https address of at most 2000 characters."
        )
    return raw


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramOfCode(Season):
    """What a code has to know of its program, as that is now."""

    id: ProgramId
    slug: Slug
    terms_version: TermsVersion
    qualifies_at_sign_up: bool
    judges_sign_ups: bool
    attach_within_days: int
    qualifies_within_days: int | None


@dataclass(frozen=True, slots=True)
class ProgramInForce:
    """A program, and the newest of its terms."""

    program: Program
    terms: Terms

    @property
    def of_code(self) -> ProgramOfCode:
        return ProgramOfCode(
            id=self.program.id,
            slug=self.program.slug,
            status=self.program.status,
            starts_at=self.program.starts_at,
            ends_at=self.program.ends_at,
            terms_version=self.program.terms_version,
            qualifies_at_sign_up=self.terms.qualification.is_sign_up,
            judges_sign_ups=self.terms.judges_sign_ups,
            attach_within_days=self.terms.attach_within_days,
            qualifies_within_days=self.terms.qualification.within_days,
        )

"""Single values of plain data, read strictly: numbers, texts and words."""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from referral.domain.errors import Violation

BROKEN: Any = object()
"""In the place of a value that cannot be read, so that what stands beside it is looked at all the same."""


@dataclass(frozen=True, slots=True)
class Notes:
    """What is wrong, and where one is looking now; what was stored is `kept`, also if its members contradict each other."""

    violations: list[Violation] = field(default_factory=list)
    path: str = ""
    kept: bool = False

    def at(self, step: str) -> "Notes":
        path = f"{self.path}/{step}" if self.path else step
        return Notes(self.violations, path, self.kept)

    def refuse(self, detail: str) -> Any:
        self.violations.append(Violation(detail, self.path))
        return BROKEN


class Kind(Protocol):
    """What a member takes."""

    def read(self, raw: object, notes: Notes) -> Any:
        """The value, or BROKEN when it is noted what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number."""

    least: int
    most: int

    def read(self, raw: object, notes: Notes) -> Any:
        if type(raw) is int and self.least <= raw <= self.most:  # to Python, True is an int
            return raw
        return notes.refuse(f"This is a whole number from {self.least} to {self.most}.")


@dataclass(frozen=True, slots=True)
class Flag:
    def read(self, raw: object, notes: Notes) -> Any:
        return raw if isinstance(raw, bool) else notes.refuse("This is true or false.")


@dataclass(frozen=True, slots=True)
class Text:
    """Text of one shape, described by `says`; with `capitals` it is kept in capitals."""

    shape: str
    says: str
    capitals: bool = False

    def read(self, raw: object, notes: Notes) -> Any:
        if not isinstance(raw, str) or not re.fullmatch(self.shape, raw):
            return notes.refuse(self.says)
        return raw.upper() if self.capitals else raw


@dataclass(frozen=True, slots=True)
class Choice:
    """One of some words."""

    of: tuple[StrEnum, ...]

    def read(self, raw: object, notes: Notes) -> Any:
        for word in self.of:
            if raw == word.value:
                return word
        return notes.refuse(f"This is one of {', '.join(self.of)}.")

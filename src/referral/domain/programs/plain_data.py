"""Dataclasses that are read from plain data, such as JSON: strictly, and with everything that is wrong told at once.

A member says in its annotation what it takes and what it means: `Annotated[int, Whole(1, 10), "how many"]`. One with a
default may be left out, or be null.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from enum import StrEnum
from functools import cache
from typing import Any, ClassVar, NamedTuple, Self, get_type_hints

from referral.domain.errors import InvalidInput, Violation, one_step
from referral.domain.programs.plain_values import BROKEN, Kind, Notes

MOST_NAMED = 20  # members that do not exist; what is told stays small, whatever was given


@dataclass(frozen=True, slots=True)
class Part:
    """A dataclass within another."""

    of: type["PlainData"]

    def read(self, raw: object, notes: Notes) -> Any:
        return self.of.read(raw, notes)


@dataclass(frozen=True, slots=True)
class Several:
    """A list, of which no two items are the same; in their member `distinct`, where they are dataclasses."""

    of: Kind
    most: int
    distinct: str = ""

    def read(self, raw: object, notes: Notes) -> Any:
        if not isinstance(raw, Sequence) or isinstance(raw, str):
            return notes.refuse("This is a list.")
        if len(raw) > self.most:
            return notes.refuse(f"A list has at most {self.most} items here.")
        items = tuple(self.of.read(item, notes.at(str(n))) for n, item in enumerate(raw))
        seen = set()
        for n, item in enumerate(items):
            name = getattr(item, self.distinct) if self.distinct and is_read(item) else item
            if name in seen:
                place = notes.at(str(n))
                (place.at(self.distinct) if self.distinct else place).refuse(
                    "This was there before."
                )
            elif is_read(name):
                seen.add(name)
        return items


class Member(NamedTuple):
    """What a dataclass says of one of its members."""

    name: str
    kind: Kind
    meaning: str
    default: Any

    @property
    def required(self) -> bool:
        return self.default is MISSING


class PlainData:
    """A frozen dataclass that plain data can be made of, and that can be made of plain data."""

    __slots__ = ()
    __dataclass_fields__: ClassVar[dict[str, Any]]

    @classmethod
    def parse(cls, raw: object) -> Self:
        """Raise InvalidInput with everything that is wrong, each with its place such as `rewards/0/amount`."""
        return cls._whole(raw, Notes())

    @classmethod
    def restore(cls, raw: object) -> Self:
        """The same for what was stored, whose contradictions stay: some were refused only later."""
        return cls._whole(raw, Notes(kept=True))

    @classmethod
    def _whole(cls, raw: object, notes: Notes) -> Self:
        whole: Self = cls.read(raw, notes)
        if notes.violations:
            raise InvalidInput(*notes.violations)
        return whole

    @classmethod
    def read(cls, raw: object, notes: Notes) -> Any:
        """What is there as far as it can be read, with BROKEN for the rest; it is right if nothing was noted."""
        if not isinstance(raw, Mapping):
            return notes.refuse("This is an object.")
        values = {}
        for member in members_of(cls):  # type: ignore[arg-type]  # mypy: a class is hashable
            given = raw.get(member.name)
            if given is not None:
                values[member.name] = member.kind.read(given, notes.at(member.name))
            elif member.required:
                values[member.name] = notes.at(member.name).refuse("This is required.")
        unknown = [str(name) for name in raw if name not in cls.__dataclass_fields__]
        for name in unknown[:MOST_NAMED]:
            notes.at(one_step(name)).refuse("There is no such member.")
        if len(unknown) > MOST_NAMED:
            notes.refuse(f"There are no such members: {len(unknown) - MOST_NAMED} more.")
        whole = cls(**values)
        for violation in () if notes.kept else whole.contradictions():
            notes.at(violation.field).refuse(violation.detail)
        return whole

    def contradictions(self) -> Iterator[Violation]:
        """What is wrong about members that are each right; those that could not be read are BROKEN."""
        yield from ()

    def plain(self) -> dict[str, Any]:
        """Every member as plain data, of which `parse` makes the same again."""
        return {member.name: _plain(getattr(self, member.name)) for member in fields(self)}


def is_read(*values: object) -> bool:
    """Whether all of them could be read."""
    return BROKEN not in values


@cache
def members_of(kind: type[Any]) -> list[Member]:
    hints = get_type_hints(kind, include_extras=True)
    members = []
    for member in fields(kind):
        takes, meaning = hints[member.name].__metadata__
        members.append(Member(member.name, takes, meaning, member.default))
    return members


def _plain(value: object) -> Any:
    match value:
        case PlainData():
            return value.plain()
        case tuple():
            return [_plain(item) for item in value]
        case StrEnum():
            return value.value
    return value

"""Events: what a server tells of its people, such as a purchase, and the refund of one."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import NewType, Self

from referral.domain.accounts.user import UserId
from referral.domain.errors import InvalidInput
from referral.domain.programs.term_values import (
    EVENT_TYPE,
    MOST_AMOUNT,
    TYPE_SHAPE,
    unit_name,
)
from referral.domain.programs.terms import SIGNED_UP
from referral.domain.texts import is_printable

EventNumber = NewType("EventNumber", int)
"""Counts the events of all sources as they are recorded."""

EVENT_ID_LENGTH = range(1, 129)
OLDEST = timedelta(days=30)
AHEAD = timedelta(minutes=5)  # as clocks may differ
METADATA_MEMBERS = 50
METADATA_KEY_LENGTH = range(1, 41)
METADATA_VALUE_LENGTH = range(501)
_NO_TEXT = re.compile("[\\0\ud800-\udfff]")  # what PostgreSQL cannot store


@dataclass(frozen=True, slots=True)
class EventId:
    """A server's own id for an event, such as an order number."""

    value: str

    @classmethod
    def parse(cls, raw: str) -> Self:
        """Raise InvalidInput unless it is 1 to 128 printable characters, no space at its ends."""
        if not is_printable(raw, EVENT_ID_LENGTH):
            raise InvalidInput(
                "An event's id has 1 to 128 printable characters, and no space at its ends."
            )
        return cls(raw)


@dataclass(frozen=True, slots=True)
class Amount:
    """So much of a unit, in its minor unit: cents of EUR, or points."""

    value: int
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """Something that someone did, as the server `source` told; a refund says which event it is `of`.

    `id` is the server's own: no two events of one source have the same.
    """

    source: str
    id: EventId
    type: str
    participant_id: UserId
    occurred_at: datetime
    amount: Amount | None = None
    of: EventId | None = None
    metadata: Mapping[str, str]

    def numbered(self, number: EventNumber) -> "Event":
        """The event as it is recorded under this number."""
        return Event(number=number, **{f.name: getattr(self, f.name) for f in fields(NewEvent)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Event(NewEvent):
    """An event that was recorded."""

    number: EventNumber


def event_type(raw: str) -> str:
    """Raise InvalidInput unless it is 1 to 64 of a-z, 0-9 and _ . - and no event of the service's own."""
    if not re.fullmatch(TYPE_SHAPE, raw):
        raise InvalidInput(EVENT_TYPE.says)
    if raw == SIGNED_UP:
        raise InvalidInput("A sign-up is recorded when people sign up.")
    return raw


def ensure_amount(value: int | None, unit: str | None, *, is_refund: bool) -> None:
    """Raise InvalidInput unless it is a whole number from 0 and a unit's name, or neither.

    A refund without an amount is of all that is left, and one without a unit has the event's.
    """
    if value is not None and not is_refund <= value <= MOST_AMOUNT:
        raise InvalidInput(f"An amount is a whole number from {int(is_refund)} to {MOST_AMOUNT}.")
    if unit is not None:
        unit_name(unit)
    needs_unit = value is not None and not is_refund
    if (needs_unit and unit is None) or (value is None and unit is not None):
        raise InvalidInput("An amount needs a unit, and a unit an amount.")


def ensure_may_have_occurred(at: datetime, now: datetime) -> None:
    """Raise InvalidInput unless it is at most 30 days back and 5 minutes ahead."""
    if not now - OLDEST <= at <= now + AHEAD:
        raise InvalidInput(
            "An event occurred at most 30 days ago, and no more than 5 minutes ahead."
        )


def metadata(raw: Mapping[str, str]) -> Mapping[str, str]:
    """What a server keeps with an event; raise InvalidInput unless it is 50 texts or fewer, of at most 500 characters."""
    if len(raw) > METADATA_MEMBERS:
        raise InvalidInput(f"Metadata has at most {METADATA_MEMBERS} members.")
    for key, value in raw.items():
        if len(key) not in METADATA_KEY_LENGTH or len(value) not in METADATA_VALUE_LENGTH:
            raise InvalidInput("A member's name has 1 to 40 characters, its text at most 500.")
        if _NO_TEXT.search(key + value):
            raise InvalidInput("Metadata is text without NUL.")
    return raw

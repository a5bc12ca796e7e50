import re
from datetime import UTC, datetime

from referral.domain.errors import InvalidInput

_INSTANT = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?([Zz]|[+-]\d\d:\d\d)?", re.ASCII
)


def instant(raw: datetime | str) -> datetime:
    """The time in UTC; without an offset it is taken as UTC. Raises InvalidInput.

    As text: a date and a time after RFC 3339, where the seconds and the offset may be left out and a
    space may stand for the T.
    """
    try:
        moment = _parsed(raw) if isinstance(raw, str) else raw
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidInput("This is no time on the calendar.") from None


def _parsed(raw: str) -> datetime:
    if not _INSTANT.fullmatch(raw):
        raise InvalidInput("A time is written as 2030-10-10T12:00:00Z.")
    return datetime.fromisoformat(raw.upper())

"""Texts that people read."""

from datetime import datetime


def written(moment: datetime) -> str:
    """A time in UTC as the API has it (RFC 3339)."""
    return moment.isoformat().replace("+00:00", "Z")


def is_printable(text: str, length: range) -> bool:
    """Whether people can read all of it: so many printable characters, and no space at its ends."""
    return len(text) in length and text.isprintable() and text == text.strip()

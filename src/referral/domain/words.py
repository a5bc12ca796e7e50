import re
from enum import StrEnum
from typing import Self

from referral.domain.errors import InvalidInput


class Word(StrEnum):
    """One of a few words, of a kind that the last word of the class's name tells, such as a status."""

    @classmethod
    def parse(cls, raw: str) -> Self:
        """Raise InvalidInput, with all there are, for one that is none of them."""
        try:
            return cls(raw)
        except ValueError:
            kind = re.findall("[A-Z][a-z]+", cls.__name__)[-1].lower()
            raise InvalidInput(f"A {kind} is one of {', '.join(cls)}.") from None

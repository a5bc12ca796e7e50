"""What a server calls the people whom it enrols."""

import re
from dataclasses import dataclass
from typing import Self

from referral.domain.errors import InvalidInput
from referral.domain.texts import is_printable

EXTERNAL_ID_LENGTH = range(1, 129)
BY_ID = "user:"  # begins a reference by the service's own id

LOCALE_MAX_LENGTH = 35  # RFC 5646 §4.4.1
LOCALE_SHAPE = "[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*"


@dataclass(frozen=True, slots=True)
class ExternalId:
    """A server's own name for someone, such as a customer number; two are the same when every character is."""

    value: str

    @classmethod
    def parse(cls, raw: str) -> Self:
        """Raise InvalidInput unless it is 1 to 128 printable characters, no space at its ends, and no `user:` before."""
        if not is_printable(raw, EXTERNAL_ID_LENGTH):
            raise InvalidInput(
                "An external id has 1 to 128 printable characters, and no space at its ends."
            )
        if raw.startswith(BY_ID):
            raise InvalidInput(f"An external id does not begin with `{BY_ID}`.")
        return cls(raw)


@dataclass(frozen=True, slots=True)
class Locale:
    """The language someone reads, as a tag such as `de-AT` (RFC 5646)."""

    value: str

    @classmethod
    def parse(cls, raw: str) -> Self:
        """Raise InvalidInput unless it is made as a language tag is; whether there is such a language is not checked."""
        if len(raw) > LOCALE_MAX_LENGTH or not re.fullmatch(LOCALE_SHAPE, raw):
            raise InvalidInput("A locale is a language tag such as `en` or `de-AT`.")
        return cls(raw)

"""What several terms are made of: amounts, units, counts and types of events."""

import re

from referral.domain.errors import InvalidInput
from referral.domain.programs.plain_values import Text, Whole

MOST_DAYS = 3650
MOST_AMOUNT = 2**53 - 1  # what every reader of JSON takes for the number it is (RFC 8259 §6)
UNIT_SHAPE = "[A-Z]{3}|[a-z][a-z0-9_]{1,31}"
TYPE_SHAPE = "[a-z][a-z0-9_.-]{0,63}"

AMOUNT = Whole(1, MOST_AMOUNT)
COUNT = Whole(1, 1_000_000)
UNIT = Text(
    UNIT_SHAPE,
    "A unit is a currency's three capitals (ISO 4217), or a name of 2 to 32 of a-z, 0-9 and _ such as points.",
)
EVENT_TYPE = Text(TYPE_SHAPE, "A type of event is 1 to 64 of a-z, 0-9 and _ . -")


def unit_name(raw: str) -> str:
    """Raise InvalidInput unless it is a currency's three capitals, or a name such as `points`."""
    if not re.fullmatch(UNIT_SHAPE, raw):
        raise InvalidInput(UNIT.says)
    return raw

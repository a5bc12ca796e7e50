"""The kinds of what can be refused, by what the caller can do about it; each subject has errors of its own.

ReferralError
├── InvalidInput            a value breaks a rule: change it
├── Unauthenticated         say who you are
├── Forbidden               it is not yours
├── NotFound                it is not there
├── Conflict                it collides with what is there
└── Busy                    come back later

`detail` is the sentence a caller reads.
"""

import re
from dataclasses import dataclass, field
from typing import ClassVar, Self

LONGEST_STEP = 32  # bytes of a caller's name for something


class ReferralError(Exception):
    """The service refused, and nothing was changed.

    Two are more: OutcomeUnknown cannot promise that, and a refresh token that was used before ends all of its log-in.
    """

    detail: ClassVar[str]

    def __str__(self) -> str:
        return self.args[0] if self.args else self.detail


def slug(error: type[Exception]) -> str:
    """What an error is called where it is written down, such as `active-code-exists`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", error.__name__).lower()


@dataclass(frozen=True, slots=True)
class Violation:
    """One rule that one value breaks; `field` is the input's name, empty where the value stands alone.

    Within an input it is the way to the value, such as `rewards/0/amount`, of steps after RFC 6901 §3.
    """

    detail: str
    field: str = ""


def one_step(name: str) -> str:
    """The name as one step of a way, short enough to be told whatever it is."""
    encoded = name.encode(errors="replace")
    if len(encoded) > LONGEST_STEP:
        name = f"{encoded[:LONGEST_STEP].decode(errors='ignore')}…"
    return name.replace("~", "~0").replace("/", "~1")


class InvalidInput(ReferralError):
    """Values break a rule; `violations` lists each of them."""

    detail = "The input is invalid."

    def __init__(self, *violations: Violation | str) -> None:
        self.violations = tuple(v if isinstance(v, Violation) else Violation(v) for v in violations)
        if not self.violations:
            super().__init__()
        elif len(self.violations) == 1:
            super().__init__(self.violations[0].detail)
        else:
            fields = ", ".join(v.field for v in self.violations)
            super().__init__(f"{len(self.violations)} values are invalid: {fields}.")


class Unauthenticated(ReferralError):
    """The caller did not prove who they are."""


class Forbidden(ReferralError):
    """The caller is known and may not do this."""


class NotFound(ReferralError):
    """There is no such thing."""


class Conflict(ReferralError):
    """The wish collides with what is already there."""


class Busy(ReferralError):
    """The service cannot do this now; the same call may work after `retry_after` seconds."""

    retry_after: int = 1


class DatabaseUnavailable(Busy):
    """The database does not answer in time."""

    detail = "The database is not available; try again in a moment."

    def __init__(self, *, was_undone: bool = False) -> None:
        """`was_undone`, because it was in the way of others, or they in its: it may be done at once."""
        super().__init__()
        self.was_undone = was_undone


class ShuttingDown(Busy):
    """The service was told to stop, and finishes what it has begun."""

    detail = "The service is about to stop."


class OutcomeUnknown(Busy):
    """The database did not say whether it did what was asked for: it may have been done, or not."""

    detail = (
        "It is not known whether it was done; look, or repeat it with the same idempotency key."
    )


@dataclass(slots=True)
class Checks:
    """Collects the rules that an input breaks, so that all of them are told at once.

    >>> checks = Checks()
    >>> with checks.of("username"):
    ...     name = Username.parse(raw)
    >>> checks.done()  # raises InvalidInput when anything was wrong
    """

    violations: list[Violation] = field(default_factory=list)
    _field: str = ""

    def of(self, field: str) -> Self:
        """Note what the block refuses as a violation of `field`."""
        self._field = field
        return self

    def __enter__(self) -> None: ...

    def __exit__(self, _: object, error: BaseException | None, __: object) -> bool:
        if not isinstance(error, InvalidInput):
            return False
        self.violations.extend(
            Violation(v.detail, "/".join(filter(None, (self._field, v.field))))
            for v in error.violations
        )
        return True

    def done(self) -> None:
        """Raise InvalidInput with every violation noted, if there is any."""
        if self.violations:
            raise InvalidInput(*self.violations)

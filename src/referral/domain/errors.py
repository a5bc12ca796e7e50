"""Everything that can be refused, by what the caller can do about it.

ReferralError
├── InvalidInput            a value breaks a rule: change it
│   └── IdempotencyKeyReused
├── Unauthenticated         say who you are
│   ├── WrongCredentials
│   ├── InvalidAccessToken
│   └── InvalidRefreshToken
├── Forbidden               it is not yours
│   ├── NotYourCode
│   ├── NotYourReferrals
│   └── WrongPassword
├── NotFound                it is not there
│   ├── CodeNotFound
│   ├── CodeNotUsable
│   └── UserNotFound
├── Conflict                it collides with what is there
│   ├── ActiveCodeExists
│   ├── CodeTaken
│   ├── EmailTaken
│   ├── RequestInProgress
│   └── UsernameTaken
└── Busy                    come back later
    ├── TooManyAttempts
    ├── HashingBusy
    ├── DatabaseUnavailable
    ├── ShuttingDown
    └── OutcomeUnknown      ask whether it was done

`detail` is the sentence a caller reads.
"""

import re
from dataclasses import dataclass, field
from typing import ClassVar, Self


class ReferralError(Exception):
    """The service refused, and nothing was changed; OutcomeUnknown alone cannot promise that."""

    detail: ClassVar[str]

    def __str__(self) -> str:
        return self.args[0] if self.args else self.detail


def slug(error: type[Exception]) -> str:
    """What an error is called where it is written down, such as `active-code-exists`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", error.__name__).lower()


@dataclass(frozen=True, slots=True)
class Violation:
    """One rule that one value breaks; `field` is the input's name, empty where the value stands alone."""

    detail: str
    field: str = ""


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


class IdempotencyKeyReused(InvalidInput):
    """The idempotency key came with another request before."""

    detail = "This idempotency key was used for another request."


class Unauthenticated(ReferralError):
    """The caller did not prove who they are."""


class WrongCredentials(Unauthenticated):
    """No account has this name or address together with this password; it does not tell whether there is one."""

    detail = "The user name or the password is wrong."


class InvalidAccessToken(Unauthenticated):
    """The access token is missing, malformed, expired or revoked."""

    detail = "A valid access token is needed."


class InvalidRefreshToken(Unauthenticated):
    """The refresh token is unknown, expired, revoked or was used before."""

    detail = "The refresh token is not valid any more."


class Forbidden(ReferralError):
    """The caller is known and may not do this."""


class NotYourCode(Forbidden):
    """The referral code belongs to someone else."""

    detail = "This referral code belongs to someone else."


class NotYourReferrals(Forbidden):
    """These are another user's referrals; it does not tell whether there is such a user."""

    detail = "You can only see your own referrals."


class WrongPassword(Forbidden):
    """The account's current password is needed for this, and the one given is not it."""

    detail = "The current password is wrong."


class NotFound(ReferralError):
    """There is no such thing."""


class CodeNotFound(NotFound):
    """There is no such referral code, or the owner of this address has no active one."""

    detail = "There is no such referral code."


class CodeNotUsable(NotFound):
    """Nobody can sign up with this referral code: it is unknown, expired or withdrawn, and it does not tell which."""

    detail = "This referral code cannot be used."


class UserNotFound(NotFound):
    """There is no such user."""

    detail = "There is no such user."


class Conflict(ReferralError):
    """The wish collides with what is already there."""


class ActiveCodeExists(Conflict):
    """A user has at most one active referral code at any moment."""

    detail = "There already is an active referral code."


class CodeTaken(Conflict):
    """A code with this text was issued before, by anyone; no text is given out twice."""

    detail = "This referral code is taken."


class EmailTaken(Conflict):
    """There already is an account with this e-mail address; case makes no difference."""

    detail = "There already is an account with this e-mail address."


class RequestInProgress(Conflict):
    """A request with the same idempotency key is not answered yet."""

    detail = "A request with this idempotency key is in progress; try again in a moment."


class UsernameTaken(Conflict):
    """There already is an account with this user name; case makes no difference."""

    detail = "This user name is taken."


class Busy(ReferralError):
    """The service cannot do this now; the same call may work after `retry_after` seconds."""

    retry_after: int = 1


class TooManyAttempts(Busy):
    """It was tried too often in a short time."""

    detail = "Too many attempts; try again later."

    def __init__(self, retry_after: int) -> None:
        super().__init__()
        self.retry_after = retry_after


class HashingBusy(Busy):
    """More passwords wait to be checked than the service can check in good time."""

    detail = "Too many passwords are being checked; try again in a moment."


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
            Violation(v.detail, v.field or self._field) for v in error.violations
        )
        return True

    def done(self) -> None:
        """Raise InvalidInput with every violation noted, if there is any."""
        if self.violations:
            raise InvalidInput(*self.violations)

"""What is refused about who may."""

from referral.domain.errors import (
    Busy,
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    Unauthenticated,
)


class IdempotencyKeyReused(InvalidInput):
    """The idempotency key came with another request before."""

    detail = "This idempotency key was used for another request."


class WrongCredentials(Unauthenticated):
    """No account has this name or address together with this password; it does not tell whether there is one."""

    detail = "The user name or the password is wrong."


class InvalidAccessToken(Unauthenticated):
    """The access token is missing, malformed, expired or revoked."""

    detail = "A valid access token is needed."


class InvalidRefreshToken(Unauthenticated):
    """The refresh token is unknown, expired, revoked or was used before."""

    detail = "The refresh token is not valid any more."


class MissingScope(Forbidden):
    """The caller's key lacks a scope that this needs, or the caller is no administrator."""

    detail = "A scope is missing."

    def __init__(self, scope: str) -> None:
        super().__init__(f"This needs the scope {scope}.")
        self.scope = scope


class PersonNeeded(Forbidden):
    """The call is about the caller's own account, and an API key has none."""

    detail = "This needs a person's access token; an API key has no account."


class KeyNotFound(NotFound):
    """There is no such API key, or it was revoked before."""

    detail = "There is no such API key."


class NotAnAdministrator(NotFound):
    """The account has not the role that was to be taken from it."""

    detail = "This account is no administrator's."


class RequestInProgress(Conflict):
    """A request with the same idempotency key is not answered yet."""

    detail = "A request with this idempotency key is in progress; try again in a moment."


class TooManyAttempts(Busy):
    """It was tried too often in a short time."""

    detail = "Too many attempts; try again later."

    def __init__(self, retry_after: int) -> None:
        super().__init__()
        self.retry_after = retry_after


class QuotaExceeded(TooManyAttempts):
    """An API key made as many calls as it may in a minute."""

    detail = "This API key has made as many calls as it may in a minute."

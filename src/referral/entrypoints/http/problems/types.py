"""What is wrong with a call before anything is asked of the service, beside what the domain refuses."""

from typing import ClassVar

from referral.domain.errors import ReferralError, Violation


class HttpError(Exception):
    """A call that cannot be passed on."""

    status: ClassVar[int]
    detail: ClassVar[str]

    def __init__(self, detail: str | None = None, *violations: Violation) -> None:
        super().__init__(detail or self.detail)
        self.violations = violations


class MalformedRequest(HttpError):
    status = 400
    detail = "The request cannot be read."


class UnsupportedGrantType(MalformedRequest):
    detail = "The grant type is `password` or `refresh_token`."


class UnknownHost(HttpError):
    status = 400
    detail = "This service does not answer for this host; REFERRAL_ALLOWED_HOSTS lists the names."


class AddressNotFound(HttpError):
    status = 404
    detail = "There is nothing at this address."


class MethodNotAllowed(HttpError):
    status = 405
    detail = "This address does not take this method."


class BodyTooSlow(HttpError):
    status = 408
    detail = "The body did not arrive in time."


class BodyTooLarge(HttpError):
    status = 413
    detail = "The body is larger than this call takes."


class UnsupportedMediaType(HttpError):
    status = 415
    detail = "Send the body as application/json, in UTF-8 and not compressed."


class TooManyCalls(HttpError):
    status = 429
    detail = "Too many of your calls are under way; try again when some are answered."
    retry_after = 1


class NoRoom(HttpError):
    status = 503
    detail = "The service has no room for this call now; try again in a moment."
    retry_after = 1


class InternalError(HttpError):
    status = 500
    detail = "Something went wrong on our side."


Refusal = ReferralError | HttpError

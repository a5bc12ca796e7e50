"""Everything that is not a success, as application/problem+json (RFC 9457)."""

import errno
from typing import Any

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, MethodNotAllowedException
from litestar.types import HTTPResponseStartEvent, HTTPScope, Send

from referral.domain.access.errors import InvalidAccessToken
from referral.domain.accounts.errors import UserNotFound
from referral.domain.errors import (
    Busy,
    DatabaseUnavailable,
    OutcomeUnknown,
    ReferralError,
    Unauthenticated,
)
from referral.entrypoints.http.problems.problem import (
    MEDIA_TYPE,
    Problem,
    problem,
    status_of,
    title,
)
from referral.entrypoints.http.problems.types import (
    AddressNotFound,
    BodyTooLarge,
    HttpError,
    InternalError,
    MalformedRequest,
    MethodNotAllowed,
    NoRoom,
    Refusal,
    TooManyCalls,
)

REALM = 'Bearer realm="referral"'
WHICH_METHODS = "which methods?"  # stands for OPTIONS, and can be no method of a caller's

log = structlog.get_logger()


# What the system says when it has no memory, files or threads for a process.
_NO_ROOM = {errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.EAGAIN}
_NO_THREAD = "can't start new thread"  # Python's words; it is a RuntimeError as many others are

# What Litestar raises by itself.
_OF_STATUS: dict[int, type[HttpError]] = {
    400: MalformedRequest,
    404: AddressNotFound,
    405: MethodNotAllowed,
    413: BodyTooLarge,
}


def answer(request: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    """The answer to any exception: a documented problem, and never what an unexpected one says."""
    refusal = _refusal(error)
    body = told(error, request.scope)
    return Response(
        body,
        status_code=body.status,
        headers=_headers(refusal, error, request),
        media_type=MEDIA_TYPE,
    )


def told(error: Exception, scope: HTTPScope) -> Problem:
    """The problem that says what is wrong; what an operator has to know of it is logged."""
    refusal = _refusal(error)
    _log(refusal, error, scope)
    return problem(refusal, scope["raw_path"])


async def refuse_unexpected(error: Exception, scope: HTTPScope, send: Send) -> None:
    """Answer with a problem to what went wrong around the application."""
    refusal = _refusal(error)
    _log(refusal, error, scope)
    await refuse(refusal, scope, send)


async def refuse(error: Refusal, scope: HTTPScope, send: Send) -> None:
    """Answer with a problem before the application is asked."""
    body = msgspec.json.encode(problem(error, scope["raw_path"]))
    headers = [
        (b"content-type", MEDIA_TYPE.encode()),
        (b"content-length", b"%d" % len(body)),
    ]
    if isinstance(error, (Busy, TooManyCalls, NoRoom)):
        headers.append((b"retry-after", b"%d" % error.retry_after))
    start: HTTPResponseStartEvent = {
        "type": "http.response.start",
        "status": status_of(type(error)),
        "headers": headers,
    }
    await send(start)
    await send({"type": "http.response.body", "body": body, "more_body": False})


def answer_to_method(
    request: Request[Any, Any, Any], error: MethodNotAllowedException
) -> Response[Any]:
    """The answer to a method that the address does not take: to OPTIONS, which it takes (RFC 9110 §9.3.7)."""
    if request.scope["method"] != WHICH_METHODS:
        return answer(request, error)
    return Response(None, status_code=204, headers=_headers(MethodNotAllowed(), error, request))


def _refusal(error: Exception) -> Refusal:
    if isinstance(error, UserNotFound):
        # Nobody asks for another user: it is the caller's account, erased since the token was issued.
        return InvalidAccessToken()
    if isinstance(error, (ReferralError, HttpError)):
        return error
    if isinstance(error, HTTPException):
        return _OF_STATUS.get(error.status_code, InternalError)()
    return NoRoom() if _is_for_want_of_room(error) else InternalError()


def _is_for_want_of_room(error: Exception) -> bool:
    if isinstance(error, OSError):
        return error.errno in _NO_ROOM
    return isinstance(error, MemoryError) or str(error) == _NO_THREAD


def _log(refusal: Refusal, error: Exception, scope: HTTPScope) -> None:
    if isinstance(refusal, InternalError):
        log.error("unexpected error", exc_info=error, request_id=scope.get("request_id"))
    elif isinstance(refusal, NoRoom):
        log.warning("no room", cause=repr(error))
    elif isinstance(refusal, (DatabaseUnavailable, OutcomeUnknown)):
        log.warning(title(type(refusal)).lower(), cause=repr(error.__cause__))


def _headers(refusal: Refusal, error: Exception, request: Request[Any, Any, Any]) -> dict[str, str]:
    if isinstance(refusal, Unauthenticated):
        # RFC 6750 §3.1: no error code for a call that brought no token at all.
        tried = isinstance(refusal, InvalidAccessToken) and "authorization" in request.headers
        return {"WWW-Authenticate": REALM + (', error="invalid_token"' if tried else "")}
    if isinstance(refusal, (Busy, TooManyCalls, NoRoom)):
        return {"Retry-After": str(refusal.retry_after)}
    if isinstance(refusal, MethodNotAllowed) and isinstance(error, HTTPException):
        methods = set((error.headers or {}).get("allow", "").split(", "))
        if "GET" in methods:
            methods.add("HEAD")
        return {"Allow": ", ".join(sorted(methods))}
    return {}

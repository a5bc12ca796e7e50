"""Everything that is not a success, as application/problem+json (RFC 9457)."""

import errno
from http import HTTPStatus
from typing import Annotated, Any, cast
from urllib.parse import quote

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, MethodNotAllowedException
from litestar.openapi import ResponseSpec
from litestar.openapi.spec import Example
from litestar.types import HTTPResponseStartEvent, HTTPScope, Send
from msgspec import UNSET, Meta, UnsetType

from referral.domain.access.errors import (
    IdempotencyKeyReused,
    InvalidAccessToken,
    RequestInProgress,
    TooManyAttempts,
)
from referral.domain.accounts.errors import UserNotFound
from referral.domain.errors import (
    Busy,
    Conflict,
    DatabaseUnavailable,
    Forbidden,
    InvalidInput,
    NotFound,
    OutcomeUnknown,
    ReferralError,
    Unauthenticated,
    Violation,
    slug,
)
from referral.entrypoints.http.problems.texts import EXPLANATIONS
from referral.entrypoints.http.problems.types import (
    AddressNotFound,
    BodyTooLarge,
    BodyTooSlow,
    HttpError,
    InternalError,
    MalformedRequest,
    MethodNotAllowed,
    NoRoom,
    Refusal,
    TooManyCalls,
    UnknownHost,
    UnsupportedMediaType,
)

MEDIA_TYPE = "application/problem+json"
PAGES = "/problems/"
REALM = 'Bearer realm="referral"'
WHICH_METHODS = "which methods?"  # stands for OPTIONS, and can be no method of a caller's

log = structlog.get_logger()


BODY = (MalformedRequest, BodyTooSlow, BodyTooLarge, UnsupportedMediaType)
"""What a call with a body may be refused for."""

# What each POST may be refused for besides; it can come with an Idempotency-Key.
ONCE = (IdempotencyKeyReused, RequestInProgress, OutcomeUnknown)
_ANYWHERE = (MalformedRequest, UnknownHost, TooManyCalls, NoRoom, DatabaseUnavailable)
_IN_A_PATH = "/%:@!$&'()*+,;=~"  # besides letters, digits, - . and _ (RFC 3986 §3.3)

# What the system says when it has no memory, files or threads for a process.
_NO_ROOM = {errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.EAGAIN}
_NO_THREAD = "can't start new thread"  # Python's words; it is a RuntimeError as many others are

STATUS_OF_KIND: dict[type[ReferralError], int] = {
    InvalidInput: 422,
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    TooManyAttempts: 429,
    Busy: 503,
}
# What Litestar raises by itself.
_OF_STATUS: dict[int, type[HttpError]] = {
    400: MalformedRequest,
    404: AddressNotFound,
    405: MethodNotAllowed,
    413: BodyTooLarge,
}


class FieldProblem(msgspec.Struct):
    """What is wrong with one value of the input."""

    pointer: Annotated[
        str, Meta(description="JSON Pointer (RFC 6901) of the value", examples=["#/email"])
    ]
    detail: Annotated[str, Meta(examples=["This is not a valid e-mail address."])]


class Problem(msgspec.Struct, kw_only=True):
    """Why a call was refused (RFC 9457); nothing was changed, unless its outcome is not known."""

    type: Annotated[
        str,
        Meta(
            description="which problem; the address of a page about it",
            extra_json_schema={"format": "uri-reference"},
        ),
    ]
    title: Annotated[str, Meta(description="the problem's name")]
    status: Annotated[int, Meta(description="the HTTP status", ge=400, le=599)]
    detail: Annotated[str, Meta(description="what happened, for a person")]
    instance: Annotated[
        str,
        Meta(
            description="the path that was called",
            extra_json_schema={"format": "uri-reference"},
        ),
    ]
    errors: Annotated[
        list[FieldProblem] | UnsetType, Meta(description="every value that is wrong")
    ] = UNSET
    error: Annotated[
        str | UnsetType, Meta(description="at the token endpoint, RFC 6749's error code")
    ] = UNSET


def title(error: type[Refusal]) -> str:
    return slug(error).replace("-", " ").capitalize()


def status_of(error: type[Refusal]) -> int:
    if issubclass(error, HttpError):
        return error.status
    return next(STATUS_OF_KIND[kind] for kind in error.__mro__ if kind in STATUS_OF_KIND)


def problem(error: Refusal, path: bytes) -> Problem:
    kind = type(error)
    violations = getattr(error, "violations", ())
    return Problem(
        type=PAGES + slug(kind),
        title=title(kind),
        status=status_of(kind),
        detail=str(error),
        instance=quote(path, safe=_IN_A_PATH),
        errors=[FieldProblem(_pointer(v.field), v.detail) for v in violations] or UNSET,
    )


def _pointer(field: str) -> str:
    """RFC 6901 §6: a JSON Pointer as a URI fragment; to the whole body where no field is named."""
    return "#/" + quote(field.replace("~", "~0").replace("/", "~1")) if field else "#"


def answer(request: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    """The answer to any exception: a documented problem, and never what an unexpected one says."""
    refusal = _refusal(error)
    _log(refusal, error, request.scope)
    body = problem(refusal, request.scope["raw_path"])
    return Response(
        body,
        status_code=body.status,
        headers=_headers(refusal, error, request),
        media_type=MEDIA_TYPE,
    )


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


def responses(*kinds: type[Refusal]) -> dict[int, ResponseSpec]:
    """What a route's OpenAPI description says about the problems it can answer with."""
    by_status: dict[int, list[type[Refusal]]] = {}
    for kind in dict.fromkeys((*kinds, *_ANYWHERE)):
        by_status.setdefault(status_of(kind), []).append(kind)
    return {
        status: ResponseSpec(
            Problem,
            generate_examples=False,
            description=f"{HTTPStatus(status).phrase}: " + " or ".join(map(title, kinds_of_status)),
            media_type=MEDIA_TYPE,
            examples=[
                Example(
                    id=slug(kind),
                    summary=title(kind),
                    description=EXPLANATIONS[kind],
                    value=msgspec.to_builtins(problem(_specimen(kind), b"/api/v1/...")),
                )
                for kind in kinds_of_status
            ],
        )
        for status, kinds_of_status in by_status.items()
    }


def _specimen(kind: type[Refusal]) -> Refusal:
    if kind is InvalidInput:
        return InvalidInput(Violation("A user name has 3 to 50 characters.", "username"))
    if kind is TooManyAttempts:
        return TooManyAttempts(30)
    return cast("type[HttpError]", kind)()

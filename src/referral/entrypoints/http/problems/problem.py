"""A problem, as its answer spells it out (RFC 9457)."""

from typing import Annotated
from urllib.parse import quote

import msgspec
from msgspec import UNSET, Meta, UnsetType

from referral.domain.access.errors import TooManyAttempts
from referral.domain.errors import (
    Busy,
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    ReferralError,
    Unauthenticated,
    slug,
)
from referral.entrypoints.http.problems.types import HttpError, Refusal

MEDIA_TYPE = "application/problem+json"
PAGES = "/problems/"
_IN_A_PATH = "/%:@!$&'()*+,;=~"  # besides letters, digits, - . and _ (RFC 3986 §3.3)
STATUS_OF_KIND: dict[type[ReferralError], int] = {
    InvalidInput: 422,
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    TooManyAttempts: 429,
    Busy: 503,
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
    scope: Annotated[str | UnsetType, Meta(description="the scope that is missing")] = UNSET


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
        scope=getattr(error, "scope", UNSET),
    )


def _pointer(field: str) -> str:
    """RFC 6901 §6: a JSON Pointer as a URI fragment; to the whole body where no field is named."""
    return "#/" + quote(field) if field else "#"

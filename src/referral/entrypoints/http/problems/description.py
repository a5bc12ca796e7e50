"""What the description of the API says about the problems that a call can be answered with."""

from http import HTTPStatus
from typing import cast

import msgspec
from litestar.openapi import ResponseSpec
from litestar.openapi.spec import Example

from referral.domain.access.caller import Scope
from referral.domain.access.errors import (
    IdempotencyKeyReused,
    InvalidAccessToken,
    MissingScope,
    QuotaExceeded,
    RequestInProgress,
    TooManyAttempts,
)
from referral.domain.errors import (
    DatabaseUnavailable,
    InvalidInput,
    OutcomeUnknown,
    Violation,
    slug,
)
from referral.entrypoints.http.problems.problem import (
    MEDIA_TYPE,
    Problem,
    problem,
    status_of,
    title,
)
from referral.entrypoints.http.problems.texts import EXPLANATIONS
from referral.entrypoints.http.problems.types import (
    BodyTooLarge,
    BodyTooSlow,
    HttpError,
    MalformedRequest,
    NoRoom,
    Refusal,
    TooManyCalls,
    UnknownHost,
    UnsupportedMediaType,
)

BODY = (MalformedRequest, BodyTooSlow, BodyTooLarge, UnsupportedMediaType)
"""What a call with a body may be refused for."""
WITH_SCOPE = (InvalidAccessToken, MissingScope, QuotaExceeded)
"""What a call that takes a scope may be refused for."""
# What each POST may be refused for besides; it can come with an Idempotency-Key.
ONCE = (IdempotencyKeyReused, RequestInProgress, OutcomeUnknown)
_ANYWHERE = (MalformedRequest, UnknownHost, TooManyCalls, NoRoom, DatabaseUnavailable)


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
    if issubclass(kind, TooManyAttempts):
        return kind(30)
    if kind is MissingScope:
        return MissingScope(Scope.EVENTS_WRITE)
    return cast("type[HttpError]", kind)()

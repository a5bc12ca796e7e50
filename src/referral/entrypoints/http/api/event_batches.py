"""Many events at once, a line each (NDJSON): /events/batch."""

from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, Router, post
from litestar.types import BeforeRequestHookHandler
from msgspec import UNSET, Meta, UnsetType

from referral.application.rewards.record_events import Outcome
from referral.application.use_cases import UseCases
from referral.domain.access.caller import Caller
from referral.domain.errors import InvalidInput, ReferralError
from referral.entrypoints.http.api.events import EventOutcome, NewEvent
from referral.entrypoints.http.large_answers import InPieces
from referral.entrypoints.http.openapi.operations import CALLER
from referral.entrypoints.http.problems.answers import told
from referral.entrypoints.http.problems.description import BODY, ONCE, WITH_SCOPE, responses
from referral.entrypoints.http.problems.problem import Problem
from referral.entrypoints.http.problems.types import (
    BodyTooLarge,
    HttpError,
    UnsupportedMediaType,
)
from referral.entrypoints.http.request.body import (
    MAX_BATCH,
    MAX_BODY,
    NDJSON,
    media_type,
    read_json,
)

MOST_LINES = 1000
_encode_lines = msgspec.json.Encoder().encode_lines


class LineAnswer(msgspec.Struct, kw_only=True):
    """What came of a line of a batch: the status and the body that `POST /events` would have been answered with."""

    status: Annotated[int, Meta(examples=[201])]
    outcome: Annotated[
        EventOutcome | UnsetType, Meta(description="where the status is 200 or 201")
    ] = UNSET
    problem: Annotated[Problem | UnsetType, Meta(description="where the line was refused")] = UNSET

    @classmethod
    def of(cls, outcome: Outcome | HttpError, request: Request[Any, Any, Any]) -> "LineAnswer":
        if isinstance(outcome, Exception):
            problem = told(outcome, request.scope)
            return cls(status=problem.status, problem=problem)
        recorded, is_new = outcome
        status = HTTPStatus.CREATED if is_new else HTTPStatus.OK
        return cls(status=status, outcome=EventOutcome.of(recorded))


def batches_router(use: UseCases, signed_in: BeforeRequestHookHandler) -> Router:
    @post(
        "/",
        summary="Record up to 1,000 events",
        status_code=HTTPStatus.OK,
        media_type=NDJSON,
        request_max_body_size=MAX_BATCH,
        responses=responses(*WITH_SCOPE, InvalidInput, *BODY, *ONCE),
    )
    async def record_events(request: Request[Caller, Any, Any]) -> Response[LineAnswer]:
        """Tell of many events, each in a line of its own (NDJSON), and hear of each in a line, in the same order.

        Each line is recorded or refused by itself, as one event is: a batch that broke off can be sent again. Events are
        recorded in the order of the lines. Once a line was answered with 503, so is the rest.
        """
        if media_type(request) != NDJSON:
            raise UnsupportedMediaType(
                "Send a batch as application/x-ndjson, in UTF-8 and not compressed."
            )
        lines = (await request.body()).removesuffix(b"\n").split(b"\n")
        if len(lines) > MOST_LINES:
            raise InvalidInput(f"A batch has at most {MOST_LINES:,} lines.")
        read = [*map(_read, lines)]
        outcomes = use.rewards.record_events(
            (msgspec.structs.asdict(event) for event in read if isinstance(event, NewEvent)),
            caller=request.user,
        )
        answers = [
            LineAnswer.of(await anext(outcomes) if isinstance(line, NewEvent) else line, request)
            for line in read
        ]
        return InPieces(_encode_lines(answers), [(b"content-type", NDJSON.encode())])

    return Router(
        "/events/batch",
        route_handlers=[record_events],
        before_request=signed_in,
        security=CALLER,
        tags=["Events"],
    )


def _read(line: bytes) -> NewEvent | ReferralError | HttpError:
    if len(line) > MAX_BODY:
        return BodyTooLarge()
    try:
        return read_json(line, NewEvent, {})
    except (ReferralError, HttpError) as refusal:
        return refusal

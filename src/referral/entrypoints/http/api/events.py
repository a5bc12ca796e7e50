"""What people did, as a server tells: /events."""

from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Request, Response, Router, post
from litestar.openapi import ResponseSpec
from litestar.params import JSONBody
from litestar.types import BeforeRequestHookHandler
from msgspec import Meta

from referral.application.rewards.ports import RecordedEvent
from referral.application.use_cases import UseCases
from referral.domain.access.caller import Caller
from referral.domain.accounts.errors import ParticipantNotFound
from referral.domain.errors import InvalidInput
from referral.domain.programs.referral import ReferralStatus
from referral.domain.programs.reward_rules import Side
from referral.domain.programs.term_values import MOST_AMOUNT, TYPE_SHAPE, UNIT_SHAPE
from referral.domain.rewards import event as rules
from referral.domain.rewards.decision import Outcome, Reason
from referral.domain.rewards.errors import EventDiffers, EventNotFound, RefundExceedsEvent
from referral.domain.rewards.reward import RewardStatus
from referral.entrypoints.http.api.participants import ExternalId
from referral.entrypoints.http.api.shapes import Body, GivenInstant
from referral.entrypoints.http.json_response import JsonResponse
from referral.entrypoints.http.openapi.operations import CALLER
from referral.entrypoints.http.problems.description import BODY, ONCE, WITH_SCOPE, responses


def _text(length: range) -> dict[str, object]:
    return {"minLength": length.start, "maxLength": length.stop - 1, "pattern": r"^[^\0]*$"}


EventId = Annotated[
    str,
    Meta(
        description="the server's own id: 1 to 128 printable characters, no other event's",
        extra_json_schema={**_text(rules.EVENT_ID_LENGTH), "examples": ["order-17"]},
    ),
]
_TEXTS = {
    "maxProperties": rules.METADATA_MEMBERS,
    "propertyNames": _text(rules.METADATA_KEY_LENGTH),
    "additionalProperties": {"type": "string", **_text(rules.METADATA_VALUE_LENGTH)},
    "examples": [{"channel": "web"}],
}


class NewEvent(Body):
    """Something that a participant did."""

    id: EventId
    type: Annotated[
        str,
        Meta(
            description="the server's word for what was done; a `refund` is of another event",
            extra_json_schema={"pattern": f"^{TYPE_SHAPE}$", "examples": ["purchase"]},
        ),
    ]
    participant: Annotated[
        ExternalId | None,
        Meta(description="whose event it is: an external id, or `user:` and an id"),
    ] = None
    amount: Annotated[
        int | None,
        Meta(
            description="in the unit's minor unit, such as cents; a refund without one is of all that is left",
            extra_json_schema={"minimum": 0, "maximum": MOST_AMOUNT, "examples": [2500]},
        ),
    ] = None
    unit: Annotated[
        str | None,
        Meta(
            description="a currency (ISO 4217), or a name such as `points`; a refund without one has the event's",
            extra_json_schema={"pattern": f"^({UNIT_SHAPE})$", "examples": ["EUR"]},
        ),
    ] = None
    of: Annotated[EventId | None, Meta(description="which event a refund is of")] = None
    occurred_at: Annotated[
        GivenInstant | None,
        Meta(description="at most 30 days back and 5 minutes ahead; now, without it"),
    ] = None
    metadata: Annotated[
        dict[str, str] | None,
        Meta(description="up to 50 texts that are kept with it", extra_json_schema=_TEXTS),
    ] = None


class ReferralOfEvent(msgspec.Struct, kw_only=True):
    """The referral of the event's participant, as it stood then."""

    id: str
    status: ReferralStatus


class DecisionBody(msgspec.Struct, kw_only=True):
    """What a rule of the terms made of the event."""

    rule: Annotated[str, Meta(examples=["qualification"])]
    outcome: Annotated[
        str,
        Meta(
            description="how the referral stands, or what became of the rule's reward",
            extra_json_schema={"enum": [*ReferralStatus, *Outcome]},
        ),
    ]
    reason: Reason


class RewardOfEvent(msgspec.Struct, kw_only=True):
    """A reward that the event brought or changed, as it was then."""

    id: UUID
    rule: Annotated[str, Meta(examples=["thanks"])]
    to: Side
    amount: Annotated[int, Meta(description="in the unit's minor unit; negative to recover")]
    unit: Annotated[str, Meta(examples=["EUR"])]
    status: RewardStatus


class EventOutcome(msgspec.Struct, kw_only=True):
    """An event, and what came of it when it was first told."""

    id: EventId
    referral: Annotated[
        ReferralOfEvent | None, Meta(description="null for someone whom nobody referred")
    ]
    decisions: list[DecisionBody]
    rewards: list[RewardOfEvent]

    @classmethod
    def of(cls, recorded: RecordedEvent) -> "EventOutcome":
        referral = None
        if recorded.status is not None:
            referral = ReferralOfEvent(
                id=str(recorded.event.participant_id), status=recorded.status
            )
        return cls(
            id=recorded.event.id.value,
            referral=referral,
            decisions=[
                DecisionBody(rule=made.rule, outcome=made.outcome, reason=made.reason)
                for made in recorded.decisions
            ],
            rewards=[
                msgspec.convert(
                    {**made.inputs, "id": made.reward_id, "rule": made.rule}, RewardOfEvent
                )
                for made in recorded.decisions
                if made.reward_id is not None
            ],
        )


def events_router(use: UseCases, signed_in: BeforeRequestHookHandler) -> Router:
    @post(
        "/",
        summary="Record an event",
        responses={
            HTTPStatus.OK: ResponseSpec(
                EventOutcome,
                description="It was recorded before; this is the first answer.",
                generate_examples=False,
            ),
            **responses(
                *WITH_SCOPE,
                InvalidInput,
                ParticipantNotFound,
                EventNotFound,
                EventDiffers,
                RefundExceedsEvent,
                *BODY,
                *ONCE,
            ),
        },
    )
    async def record_event(
        request: Request[Caller, Any, Any], data: JSONBody[NewEvent]
    ) -> Response[EventOutcome]:
        """Tell what a participant did, and hear what it means for their referral. Told again, it is done once."""
        recorded, is_new = await use.rewards.record_event(
            **msgspec.structs.asdict(data), caller=request.user
        )
        status = HTTPStatus.CREATED if is_new else HTTPStatus.OK
        return JsonResponse(EventOutcome.of(recorded), status_code=status)

    return Router(
        "/events",
        route_handlers=[record_event],
        before_request=signed_in,
        security=CALLER,
        tags=["Events"],
    )

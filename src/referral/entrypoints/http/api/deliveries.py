"""What is sent to a webhook endpoint: /webhooks/{endpoint_id}/deliveries, test and replay."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Request, Router, get, post
from litestar.params import FromPath, JSONBody
from litestar.types import BeforeRequestHookHandler
from msgspec import Meta

from referral.application.use_cases import UseCases
from referral.domain.access.caller import Caller
from referral.domain.errors import InvalidInput, Violation
from referral.domain.webhooks import delivery as rules
from referral.domain.webhooks.delivery import DeliveryStatus
from referral.domain.webhooks.endpoint import EndpointId
from referral.domain.webhooks.errors import EndpointDisabled, EndpointNotFound, MessageNotFound
from referral.domain.webhooks.message import MessageType
from referral.entrypoints.http.api.shapes import Body, GivenInstant, Instant
from referral.entrypoints.http.openapi.operations import CALLER, filtered_list
from referral.entrypoints.http.problems.description import BODY, ONCE, WITH_SCOPE, responses
from referral.entrypoints.http.problems.types import AddressNotFound
from referral.entrypoints.http.request.paging import (
    ListBody,
    list_query,
    position_cursor,
    position_of,
    text_query,
)

Cursor = Annotated[str, Meta(extra_json_schema={"pattern": "^[A-Za-z0-9_-]{22}$"})]


class Delivery(msgspec.Struct, kw_only=True):
    """A message to an endpoint, and what became of it."""

    id: Annotated[UUID, Meta(description="that of the message, the same at every attempt")]
    type: Annotated[str, Meta(extra_json_schema={"enum": [*MessageType]})]
    status: Annotated[str, Meta(extra_json_schema={"enum": [*DeliveryStatus]})]
    attempts: Annotated[int, Meta(ge=0)]
    created_at: Instant
    next_attempt_at: Annotated[Instant | None, Meta(description="in the past where it is due")]
    last_attempt_at: Instant | None
    last_status: Annotated[int | None, Meta(description="the HTTP status; null without an answer")]
    last_answer: Annotated[
        str | None, Meta(description="at most 1 kB of the answer, or why there was none")
    ]

    @classmethod
    def of(cls, delivery: rules.Delivery) -> "Delivery":
        return cls(
            id=delivery.message_id,
            type=delivery.type.value,
            status=delivery.status.value,
            attempts=delivery.attempts,
            created_at=delivery.created_at,
            next_attempt_at=delivery.next_attempt_at,
            last_attempt_at=delivery.last_attempt_at,
            last_status=delivery.last_status,
            last_answer=delivery.last_answer,
        )


class DeliveryList(ListBody[Delivery], kw_only=True):
    """A page of what was, is or will be sent to an endpoint, newest first."""


class WantedReplay(Body, rename={"since": "from", "until": "to"}):
    """What is to be sent once more: one `message`, or all `from` a time on."""

    message: Annotated[UUID | None, Meta(description="the id of one message")] = None
    since: GivenInstant | None = None
    until: Annotated[
        GivenInstant | None, Meta(description="before this time; without it, until now")
    ] = None
    only_failed: Annotated[bool, Meta(description="whether to leave out what was delivered")] = (
        False
    )
    cursor: Annotated[Cursor | None, Meta(description="an earlier answer's `next_cursor`")] = None


class ReplayBegun(msgspec.Struct, kw_only=True):
    """How much is sent once more; a call does 5,000 messages at most."""

    replayed: Annotated[int, Meta(ge=0)]
    next_cursor: Annotated[
        Cursor | None, Meta(description="`cursor` of the next call; null when all is done")
    ]


def deliveries_router(use: UseCases, signed_in: BeforeRequestHookHandler) -> Router:
    of_one = (*WITH_SCOPE, EndpointNotFound, AddressNotFound)

    @get(
        "/deliveries",
        operation_class=filtered_list({"status": "in this status alone"}, DeliveryStatus),
        summary="List what is sent to a webhook endpoint",
        responses=responses(*of_one, InvalidInput),
    )
    async def list_deliveries(
        request: Request[Caller, Any, Any], endpoint_id: FromPath[UUID]
    ) -> DeliveryList:
        """What was, is or will be sent to an endpoint, newest first, and what became of it."""
        page = await use.webhooks.list_deliveries(
            endpoint_id=EndpointId(endpoint_id),
            **text_query(request, "status"),
            **list_query(request),
            caller=request.user,
        )
        return DeliveryList.of(page, Delivery.of)

    @post(
        "/test",
        status_code=202,
        summary="Try a webhook endpoint",
        responses=responses(*of_one, EndpointDisabled, *ONCE),
    )
    async def try_endpoint(
        request: Request[Caller, Any, Any], endpoint_id: FromPath[UUID]
    ) -> Delivery:
        """Have a message `webhook.test` sent to an endpoint; what becomes of it is among its deliveries."""
        added = await use.webhooks.try_endpoint(
            endpoint_id=EndpointId(endpoint_id), caller=request.user
        )
        return Delivery.of(added)

    @post(
        "/replay",
        status_code=202,
        summary="Send messages to a webhook endpoint once more",
        responses=responses(*of_one, InvalidInput, MessageNotFound, EndpointDisabled, *BODY, *ONCE),
    )
    async def replay(
        request: Request[Caller, Any, Any],
        endpoint_id: FromPath[UUID],
        data: JSONBody[WantedReplay],
    ) -> ReplayBegun:
        """Send one message once more, or all from a time on, in order, each under the id that it had."""
        endpoint, caller = EndpointId(endpoint_id), request.user
        if (data.message is None) == (data.since is None):
            raise InvalidInput(
                Violation("Give one `message`, or the time to begin `from`.", "message")
            )
        if data.message is not None:
            await use.webhooks.replay_message(
                endpoint_id=endpoint, message=str(data.message), caller=caller
            )
            return ReplayBegun(replayed=1, next_cursor=None)
        replayed = await use.webhooks.replay_messages(
            endpoint_id=endpoint,
            since=data.since or "",
            until=data.until,
            only_failed=data.only_failed,
            cursor=None if data.cursor is None else position_of(data.cursor),
            caller=caller,
        )
        return ReplayBegun(
            replayed=replayed.count, next_cursor=position_cursor(replayed.next_cursor)
        )

    return Router(
        "/webhooks/{endpoint_id:uuid}",
        route_handlers=[list_deliveries, try_endpoint, replay],
        before_request=signed_in,
        security=CALLER,
        tags=["Webhooks"],
    )

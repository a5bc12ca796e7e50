"""Webhook endpoints, which hear of what happens: /webhooks."""

from typing import Any
from uuid import UUID

import msgspec
from litestar import Request, Router, delete, get, patch, post
from litestar.params import FromPath, JSONBody
from litestar.types import BeforeRequestHookHandler

from referral.application.use_cases import UseCases
from referral.domain.access.caller import Caller
from referral.domain.access.errors import TooManyAttempts
from referral.domain.errors import InvalidInput, OutcomeUnknown
from referral.domain.webhooks.endpoint import EndpointId
from referral.domain.webhooks.errors import EndpointNotFound
from referral.entrypoints.http.api.webhook import (
    Endpoint,
    EndpointChange,
    EndpointList,
    EndpointWithSecret,
    NewEndpoint,
)
from referral.entrypoints.http.openapi.operations import CALLER, ListOperation
from referral.entrypoints.http.problems.description import BODY, ONCE, WITH_SCOPE, responses
from referral.entrypoints.http.problems.types import AddressNotFound
from referral.entrypoints.http.request.paging import list_query


def webhooks_router(use: UseCases, signed_in: BeforeRequestHookHandler) -> Router:
    of_one = (*WITH_SCOPE, EndpointNotFound, AddressNotFound)

    @post(
        "/",
        summary="Make a webhook endpoint",
        responses=responses(*WITH_SCOPE, InvalidInput, TooManyAttempts, *BODY, *ONCE),
    )
    async def create_endpoint(
        request: Request[Caller, Any, Any], data: JSONBody[NewEndpoint]
    ) -> EndpointWithSecret:
        """Have messages sent to an address. It hears of all that begins a second later."""
        created = await use.webhooks.create_endpoint(
            url=data.url, events=data.events, description=data.description, caller=request.user
        )
        return EndpointWithSecret.with_secret(*created)

    @get(
        "/",
        operation_class=ListOperation,
        summary="List webhook endpoints",
        responses=responses(*WITH_SCOPE, InvalidInput),
    )
    async def list_endpoints(request: Request[Caller, Any, Any]) -> EndpointList:
        """The webhook endpoints, newest first."""
        page = await use.webhooks.list_endpoints(**list_query(request), caller=request.user)
        return EndpointList.of(page, Endpoint.of)

    @get("/{endpoint_id:uuid}", summary="Show a webhook endpoint", responses=responses(*of_one))
    async def show_endpoint(
        request: Request[Caller, Any, Any], endpoint_id: FromPath[UUID]
    ) -> Endpoint:
        """A webhook endpoint, and why it is disabled if it is."""
        shown = await use.webhooks.show_endpoint(
            endpoint_id=EndpointId(endpoint_id), caller=request.user
        )
        return Endpoint.of(shown)

    @patch(
        "/{endpoint_id:uuid}",
        summary="Change a webhook endpoint",
        responses=responses(*of_one, InvalidInput, OutcomeUnknown, *BODY),
    )
    async def change_endpoint(
        request: Request[Caller, Any, Any],
        endpoint_id: FromPath[UUID],
        data: JSONBody[EndpointChange],
    ) -> Endpoint:
        """Change where an endpoint is, what it hears of from a second later on, or whether it is sent anything."""
        changed = await use.webhooks.change_endpoint(
            endpoint_id=EndpointId(endpoint_id),
            **msgspec.to_builtins(data),
            caller=request.user,
        )
        return Endpoint.of(changed)

    @delete(
        "/{endpoint_id:uuid}",
        summary="Delete a webhook endpoint",
        responses=responses(*of_one, OutcomeUnknown),
    )
    async def delete_endpoint(
        request: Request[Caller, Any, Any], endpoint_id: FromPath[UUID]
    ) -> None:
        """Send an endpoint nothing any more, for good; what waited for it is dropped."""
        await use.webhooks.delete_endpoint(endpoint_id=EndpointId(endpoint_id), caller=request.user)

    @post(
        "/{endpoint_id:uuid}/rotate-secret",
        summary="Give a webhook endpoint another secret",
        responses=responses(*of_one, *ONCE),
        status_code=200,
    )
    async def rotate_secret(
        request: Request[Caller, Any, Any], endpoint_id: FromPath[UUID]
    ) -> EndpointWithSecret:
        """Give a webhook endpoint another secret. The one it had signs along for 24 hours."""
        rotated = await use.webhooks.rotate_secret(
            endpoint_id=EndpointId(endpoint_id), caller=request.user
        )
        return EndpointWithSecret.with_secret(*rotated)

    return Router(
        "/webhooks",
        route_handlers=[
            create_endpoint,
            list_endpoints,
            show_endpoint,
            change_endpoint,
            delete_endpoint,
            rotate_secret,
        ],
        before_request=signed_in,
        security=CALLER,
        tags=["Webhooks"],
    )

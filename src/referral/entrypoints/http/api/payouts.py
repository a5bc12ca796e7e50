"""Payouts, for those who really pay: /payouts."""

from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Request, Response, Router, get, post
from litestar.openapi import ResponseSpec
from litestar.params import FromPath, JSONBody
from litestar.response import Stream
from litestar.types import BeforeRequestHookHandler
from msgspec import Meta

from referral.application.use_cases import UseCases
from referral.domain.access.caller import Caller
from referral.domain.accounts.errors import ParticipantNotFound
from referral.domain.errors import InvalidInput
from referral.domain.programs.term_values import UNIT_SHAPE
from referral.domain.rewards import payout as rules
from referral.domain.rewards.errors import (
    NothingToPay,
    PayoutDiffers,
    PayoutNotFound,
    RewardIsSettled,
    RewardNotFound,
)
from referral.entrypoints.http.api.participants import ExternalId
from referral.entrypoints.http.api.rewards import Minor
from referral.entrypoints.http.api.shapes import Body, Instant
from referral.entrypoints.http.json_response import JsonResponse
from referral.entrypoints.http.openapi.operations import CALLER, ListOperation
from referral.entrypoints.http.problems.description import BODY, ONCE, WITH_SCOPE, responses
from referral.entrypoints.http.problems.types import AddressNotFound
from referral.entrypoints.http.request.paging import ListBody, list_query
from referral.entrypoints.payout_csv import csv_of

_CSV = "text/csv"

Unit = Annotated[
    str,
    Meta(
        description="a currency (ISO 4217), or a name such as `points`",
        extra_json_schema={"pattern": f"^({UNIT_SHAPE})$", "examples": ["EUR"]},
    ),
]
PayoutReference = Annotated[
    str,
    Meta(
        description="what the payout is called where it is really paid; no two have the same",
        extra_json_schema={
            "minLength": rules.REFERENCE_LENGTH.start,
            "maxLength": rules.REFERENCE_LENGTH.stop - 1,
            "examples": ["2030-10"],
        },
    ),
]


class NewPayout(Body):
    """What is to be marked as paid: all that is approved of a participant, or these rewards."""

    reference: PayoutReference
    unit: Unit
    participant: Annotated[
        ExternalId | None, Meta(description="an external id, or `user:` and an id")
    ] = None
    rewards: Annotated[
        list[UUID] | None,
        Meta(extra_json_schema={"minItems": 1, "maxItems": rules.MOST_REWARDS}),
    ] = None


class Payout(msgspec.Struct, kw_only=True):
    """Rewards that were marked as paid together."""

    id: UUID
    reference: PayoutReference
    unit: Unit
    amount: Annotated[Minor, Meta(gt=0)]
    rewards: Annotated[int, Meta(ge=1, description="how many, what was recovered among them")]
    created_at: Instant

    @classmethod
    def of(cls, payout: rules.Payout) -> "Payout":
        return cls(
            id=payout.id,
            reference=payout.reference,
            unit=payout.unit,
            amount=payout.amount,
            rewards=payout.rewards,
            created_at=payout.created_at,
        )


class PayoutList(ListBody[Payout], kw_only=True):
    """A page of payouts, newest first."""


def payouts_router(use: UseCases, signed_in: BeforeRequestHookHandler) -> Router:
    @post(
        "/",
        summary="Make a payout",
        responses={
            HTTPStatus.OK: ResponseSpec(
                Payout,
                description="It was made before, with this reference.",
                generate_examples=False,
            ),
            **responses(
                *WITH_SCOPE,
                InvalidInput,
                ParticipantNotFound,
                RewardNotFound,
                RewardIsSettled,
                NothingToPay,
                PayoutDiffers,
                *BODY,
                *ONCE,
            ),
        },
    )
    async def make_payout(
        request: Request[Caller, Any, Any], data: JSONBody[NewPayout]
    ) -> Response[Payout]:
        """Mark approved rewards as paid: all of them or none, and once for a reference.

        What is to be recovered of a participant is taken off what is paid.
        """
        payout, is_new = await use.rewards.make_payout(
            **msgspec.structs.asdict(data), caller=request.user
        )
        status = HTTPStatus.CREATED if is_new else HTTPStatus.OK
        return JsonResponse(Payout.of(payout), status_code=status)

    @get(
        "/",
        operation_class=ListOperation,
        summary="List payouts",
        responses=responses(*WITH_SCOPE, InvalidInput),
    )
    async def find_payouts(request: Request[Caller, Any, Any]) -> PayoutList:
        """Payouts, newest first."""
        page = await use.rewards.find_payouts(**list_query(request), caller=request.user)
        return PayoutList.of(page, Payout.of)

    @get(
        "/{payout_id:uuid}",
        summary="Show a payout",
        responses=responses(*WITH_SCOPE, PayoutNotFound, AddressNotFound),
    )
    async def show_payout(request: Request[Caller, Any, Any], payout_id: FromPath[UUID]) -> Payout:
        """One payout."""
        return Payout.of(await use.rewards.show_payout(payout_id=payout_id, caller=request.user))

    @get(
        "/export.csv",
        summary="Export payouts",
        media_type=_CSV,
        responses=responses(*WITH_SCOPE),
    )
    async def export_payouts(request: Request[Caller, Any, Any]) -> Stream:
        """All payouts, oldest first, with a line for each participant (RFC 4180)."""
        lines = await use.rewards.export_payouts(caller=request.user)
        return Stream(csv_of(lines), media_type=_CSV)

    return Router(
        "/payouts",
        route_handlers=[make_payout, find_payouts, show_payout, export_payouts],
        before_request=signed_in,
        security=CALLER,
        tags=["Payouts"],
    )

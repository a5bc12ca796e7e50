"""Referrals of all programs, for administrators and servers: /referrals."""

from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Request, Response, Router, get, post
from litestar.openapi import ResponseSpec
from litestar.params import FromPath, JSONBody
from litestar.types import BeforeRequestHookHandler
from msgspec import Meta

from referral.application.programs.ports import NamedReferral
from referral.application.use_cases import UseCases
from referral.domain.access.caller import Caller
from referral.domain.accounts.errors import ParticipantNotFound
from referral.domain.errors import InvalidInput
from referral.domain.programs.errors import (
    AlreadyReferred,
    CircularReferral,
    CodeNotUsable,
    ProgramNotFound,
    ReferralNotFound,
    SelfReferral,
    TooLateToRefer,
)
from referral.domain.programs.referral import ReferralStatus
from referral.entrypoints.http.api.participants import ExternalId
from referral.entrypoints.http.api.shapes import (
    Body,
    CodeText,
    GivenCode,
    Instant,
    ProgramSlug,
)
from referral.entrypoints.http.json_response import JsonResponse
from referral.entrypoints.http.openapi.operations import CALLER, filtered_list
from referral.entrypoints.http.problems.description import BODY, ONCE, WITH_SCOPE, responses
from referral.entrypoints.http.problems.types import AddressNotFound
from referral.entrypoints.http.request.paging import (
    ListBody,
    list_query,
    text_query,
)

_FILTERS = {
    "program": "of this program alone, by its slug",
    "referrer": "of this participant alone: an external id, or `user:` and an id",
    "status": "in this status alone",
}
Reference = Annotated[
    str,
    Meta(
        description="an external id where there is one, or `user:` and the id of the participant",
        examples=["customer-41"],
    ),
]


class NewReferral(Body):
    """Who is to be joined to a code's owner."""

    code: GivenCode
    participant: Annotated[ExternalId, Meta(description="an external id, or `user:` and an id")]


class Referral(msgspec.Struct, kw_only=True):
    """Who brought whom, by which code and under which terms."""

    id: Annotated[UUID, Meta(description="the referee's id too: people are referred once")]
    program: ProgramSlug
    terms_version: Annotated[int, Meta(ge=1, description="of the program, for as long as it lasts")]
    referrer: Reference
    referee: Reference
    code: CodeText
    status: ReferralStatus
    held: Annotated[bool, Meta(description="whether someone has to look at it first")]
    held_reasons: Annotated[list[str], Meta(description="why; none where it is not held")]
    created_at: Instant
    qualified_at: Instant | None

    @classmethod
    def of(cls, named: NamedReferral) -> "Referral":
        referral = named.referral
        return cls(
            id=referral.referee_id,
            program=named.program.value,
            terms_version=referral.terms_version,
            referrer=named.referrer,
            referee=named.referee,
            code=named.code.value,
            status=referral.status,
            held=referral.is_held,
            held_reasons=[*referral.held_reasons],
            created_at=referral.created_at,
            qualified_at=referral.qualified_at,
        )


class ReferralList(ListBody[Referral], kw_only=True):
    """A page of referrals, newest first."""


def referrals_router(use: UseCases, signed_in: BeforeRequestHookHandler) -> Router:
    @post(
        "/",
        summary="Refer a participant",
        responses={
            HTTPStatus.OK: ResponseSpec(
                Referral, description="They were, with this code.", generate_examples=False
            ),
            **responses(
                *WITH_SCOPE,
                InvalidInput,
                ParticipantNotFound,
                CodeNotUsable,
                SelfReferral,
                CircularReferral,
                TooLateToRefer,
                AlreadyReferred,
                *BODY,
                *ONCE,
            ),
        },
    )
    async def refer_participant(
        request: Request[Caller, Any, Any], data: JSONBody[NewReferral]
    ) -> Response[Referral]:
        """Join a participant to the owner of a code, within `attach_within_days` of the terms after their enrolment."""
        named, is_new = await use.programs.refer_participant(
            code=data.code, participant=data.participant, caller=request.user
        )
        status = HTTPStatus.CREATED if is_new else HTTPStatus.OK
        return JsonResponse(Referral.of(named), status_code=status)

    @get(
        "/",
        operation_class=filtered_list(_FILTERS, ReferralStatus),
        summary="List referrals",
        responses=responses(*WITH_SCOPE, InvalidInput, ProgramNotFound, ParticipantNotFound),
    )
    async def find_referrals(request: Request[Caller, Any, Any]) -> ReferralList:
        """Referrals, newest first; every page costs the same, however many there are."""
        page = await use.programs.find_referrals(
            **text_query(request, *_FILTERS), **list_query(request), caller=request.user
        )
        return ReferralList.of(page, Referral.of)

    @get(
        "/{referral_id:uuid}",
        summary="Show a referral",
        responses=responses(*WITH_SCOPE, ReferralNotFound, AddressNotFound),
    )
    async def show_referral(
        request: Request[Caller, Any, Any], referral_id: FromPath[UUID]
    ) -> Referral:
        """One referral. Of someone who was erased, only the id is left."""
        return Referral.of(
            await use.programs.show_referral(referral_id=referral_id, caller=request.user)
        )

    return Router(
        "/referrals",
        route_handlers=[refer_participant, find_referrals, show_referral],
        before_request=signed_in,
        security=CALLER,
        tags=["Referrals"],
    )

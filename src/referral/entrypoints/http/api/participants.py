"""People whom a server enrols, by its own ids for them: /participants."""

from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Request, Response, Router, delete, get, put
from litestar.openapi import ResponseSpec
from litestar.params import JSONBody, PathParameter
from litestar.types import BeforeRequestHookHandler
from msgspec import Meta

from referral.application.use_cases import UseCases
from referral.domain.access.caller import Caller
from referral.domain.accounts import external_id as rules
from referral.domain.accounts.errors import EmailTaken, ParticipantNotFound, UsernameTaken
from referral.domain.accounts.user import Participant
from referral.domain.errors import InvalidInput, OutcomeUnknown
from referral.entrypoints.http.api.shapes import Body, Email, Instant, Name
from referral.entrypoints.http.json_response import JsonResponse
from referral.entrypoints.http.middleware.paths import SLASH
from referral.entrypoints.http.openapi.operations import CALLER
from referral.entrypoints.http.problems.description import BODY, WITH_SCOPE, responses

_EXTERNAL_ID = {
    "minLength": rules.EXTERNAL_ID_LENGTH.start,
    "maxLength": rules.EXTERNAL_ID_LENGTH.stop - 1,
    "examples": ["customer-42"],
}
ExternalId = Annotated[
    str,
    Meta(
        description="the server's own id for someone: 1 to 128 printable characters",
        extra_json_schema=_EXTERNAL_ID,
    ),
]
ParticipantInPath = Annotated[
    str,
    PathParameter(
        description="an external id, or `user:` and the id of anyone who takes part",
        schema_extra=_EXTERNAL_ID,
    ),
]
Locale = Annotated[
    str,
    Meta(
        description="the language someone reads, as a tag (RFC 5646)",
        extra_json_schema={
            "maxLength": rules.LOCALE_MAX_LENGTH,
            "pattern": f"^{rules.LOCALE_SHAPE}$",
            "examples": ["de-AT"],
        },
    ),
]


class ParticipantDetails(Body):
    """Who a participant is; what is left out is forgotten."""

    email: Email | None = None
    username: Name | None = None
    locale: Locale | None = None


class ParticipantBody(msgspec.Struct, kw_only=True):
    """Someone who takes part: whom a server enrolled, or who registered."""

    id: UUID
    external_id: ExternalId | None
    email: Email | None
    username: Name | None
    locale: Locale | None
    created_at: Instant
    referrer_id: Annotated[UUID | None, Meta(description="who brought them, if someone did")]

    @classmethod
    def of(cls, participant: Participant) -> "ParticipantBody":
        external_id, email = participant.external_id, participant.email
        username, locale = participant.username, participant.locale
        return cls(
            id=participant.id,
            external_id=external_id.value if external_id else None,
            email=email.value if email else None,
            username=username.value if username else None,
            locale=locale.value if locale else None,
            created_at=participant.created_at,
            referrer_id=participant.referrer_id,
        )


def participants_router(use: UseCases, signed_in: BeforeRequestHookHandler) -> Router:
    @put(
        "/{participant:str}",
        summary="Enrol a participant",
        responses={
            HTTPStatus.CREATED: ResponseSpec(
                ParticipantBody, description="They are new.", generate_examples=False
            ),
            **responses(
                *WITH_SCOPE, InvalidInput, EmailTaken, UsernameTaken, OutcomeUnknown, *BODY
            ),
        },
    )
    async def enrol_participant(
        request: Request[Caller, Any, Any],
        participant: ParticipantInPath,
        data: JSONBody[ParticipantDetails],
    ) -> Response[ParticipantBody]:
        """Enrol someone under the server's own id, or change who they are; the same again changes nothing."""
        enrolled, is_new = await use.accounts.enrol_participant(
            external_id=participant.replace(SLASH, "/"),
            email=data.email,
            username=data.username,
            locale=data.locale,
            caller=request.user,
        )
        status = HTTPStatus.CREATED if is_new else HTTPStatus.OK
        return JsonResponse(ParticipantBody.of(enrolled), status_code=status)

    @get(
        "/{participant:str}",
        summary="Show a participant",
        responses=responses(*WITH_SCOPE, ParticipantNotFound),
    )
    async def show_participant(
        request: Request[Caller, Any, Any], participant: ParticipantInPath
    ) -> ParticipantBody:
        """Who someone is, by the server's own id, or by `user:` and ours."""
        found = await use.accounts.show_participant(
            participant=participant.replace(SLASH, "/"), caller=request.user
        )
        return ParticipantBody.of(found)

    @delete(
        "/{participant:str}",
        summary="Erase a participant",
        responses=responses(*WITH_SCOPE, ParticipantNotFound, OutcomeUnknown),
    )
    async def erase_participant(
        request: Request[Caller, Any, Any], participant: ParticipantInPath
    ) -> None:
        """Forget all that tells who someone is; their codes are withdrawn, and the one who brought them still counts them."""
        await use.accounts.erase_participant(
            participant=participant.replace(SLASH, "/"), caller=request.user
        )

    return Router(
        "/participants",
        route_handlers=[enrol_participant, show_participant, erase_participant],
        before_request=signed_in,
        security=CALLER,
        tags=["Participants"],
    )

"""What belongs to a participant: /participants/{participant}/codes and /participants/{participant}/referrals."""

from typing import Any

from litestar import Request, Router, get, post
from litestar.params import JSONBody
from litestar.types import BeforeRequestHookHandler

from referral.application.ports import Clock
from referral.application.use_cases import UseCases
from referral.domain.access.caller import Caller
from referral.domain.access.errors import TooManyAttempts
from referral.domain.accounts.errors import ParticipantNotFound
from referral.domain.errors import InvalidInput
from referral.domain.programs.errors import (
    ActiveCodeExists,
    CodeTaken,
    ProgramNotFound,
    ProgramNotOpen,
)
from referral.domain.programs.program import DEFAULT
from referral.entrypoints.http.api.code import Code, NewCode
from referral.entrypoints.http.api.participants import ParticipantInPath
from referral.entrypoints.http.api.referrals import Referral, ReferralList
from referral.entrypoints.http.middleware.paths import SLASH
from referral.entrypoints.http.openapi.operations import CALLER, ListOperation
from referral.entrypoints.http.problems.description import BODY, ONCE, WITH_SCOPE, responses
from referral.entrypoints.http.request.paging import ListBody, list_query


class CodeList(ListBody[Code], kw_only=True):
    """A page of a participant's codes, newest first."""


def participant_router(use: UseCases, clock: Clock, signed_in: BeforeRequestHookHandler) -> Router:
    @post(
        "/codes",
        summary="Issue a code for a participant",
        responses=responses(
            *WITH_SCOPE,
            InvalidInput,
            ParticipantNotFound,
            ActiveCodeExists,
            CodeTaken,
            ProgramNotFound,
            ProgramNotOpen,
            TooManyAttempts,
            *BODY,
            *ONCE,
        ),
    )
    async def issue_participant_code(
        request: Request[Caller, Any, Any], participant: ParticipantInPath, data: JSONBody[NewCode]
    ) -> Code:
        """Issue a referral code for a participant; without `code`, its text is generated."""
        code = await use.programs.issue_participant_code(
            participant=participant.replace(SLASH, "/"),
            expires_at=data.expires_at,
            code=data.code,
            replace_active=data.replace_active,
            program=DEFAULT.value if data.program is None else data.program,
            caller=request.user,
        )
        return Code.of(code, clock.now())

    @get(
        "/codes",
        operation_class=ListOperation,
        summary="List a participant's codes",
        responses=responses(*WITH_SCOPE, InvalidInput, ParticipantNotFound),
    )
    async def list_participant_codes(
        request: Request[Caller, Any, Any], participant: ParticipantInPath
    ) -> CodeList:
        """A participant's codes, newest first: expired ones too, withdrawn ones not."""
        page = await use.programs.list_participant_codes(
            participant=participant.replace(SLASH, "/"), **list_query(request), caller=request.user
        )
        now = clock.now()
        return CodeList.of(page, lambda code: Code.of(code, now))

    @get(
        "/referrals",
        operation_class=ListOperation,
        summary="List a participant's referrals",
        responses=responses(*WITH_SCOPE, InvalidInput, ParticipantNotFound),
    )
    async def list_participant_referrals(
        request: Request[Caller, Any, Any], participant: ParticipantInPath
    ) -> ReferralList:
        """Whom a participant brought, newest first."""
        page = await use.programs.find_referrals(
            referrer=participant.replace(SLASH, "/"), **list_query(request), caller=request.user
        )
        return ReferralList.of(page, Referral.of)

    return Router(
        "/participants/{participant:str}",
        route_handlers=[issue_participant_code, list_participant_codes, list_participant_referrals],
        before_request=signed_in,
        security=CALLER,
        tags=["Participants"],
    )

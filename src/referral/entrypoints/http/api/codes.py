"""Referral codes: /codes."""

from collections.abc import Sequence
from typing import Any

import msgspec
from litestar import Request, Router, delete, get, post
from litestar.params import JSONBody
from litestar.types import BeforeRequestHookHandler

from referral.application.ports import Clock
from referral.application.use_cases import UseCases
from referral.domain.access.caller import Caller
from referral.domain.access.errors import InvalidAccessToken, PersonNeeded, TooManyAttempts
from referral.domain.errors import InvalidInput, OutcomeUnknown
from referral.domain.programs.errors import (
    ActiveCodeExists,
    CodeNotFound,
    CodeTaken,
    NotYourCode,
    ProgramNotFound,
    ProgramNotOpen,
)
from referral.domain.programs.program import DEFAULT
from referral.entrypoints.http.api.code import (
    Code,
    CodeOwner,
    CodePage,
    CodeState,
    FoundCode,
    NewCode,
)
from referral.entrypoints.http.api.shapes import (
    CodeInPath,
    EmailInPath,
)
from referral.entrypoints.http.middleware.paths import SLASH
from referral.entrypoints.http.openapi.operations import BEARER, PagedOperation
from referral.entrypoints.http.problems.description import BODY, ONCE, responses
from referral.entrypoints.http.request.caller import Network, client_address
from referral.entrypoints.http.request.paging import page_query


def codes_router(
    use: UseCases,
    clock: Clock,
    proxies: Sequence[Network],
    person: BeforeRequestHookHandler,
    in_turn: BeforeRequestHookHandler,
) -> Router:
    @post(
        "/",
        before_request=person,
        security=BEARER,
        summary="Issue a code",
        responses=responses(
            InvalidAccessToken,
            PersonNeeded,
            InvalidInput,
            ActiveCodeExists,
            CodeTaken,
            ProgramNotFound,
            ProgramNotOpen,
            TooManyAttempts,
            *BODY,
            *ONCE,
        ),
    )
    async def issue_code(request: Request[Caller, Any, Any], data: JSONBody[NewCode]) -> Code:
        """Issue a referral code for the caller; without `code`, its text is generated.

        The program's terms in force say what the code may be, and how often it can be used.
        """
        code = await use.programs.issue_code(
            owner_id=request.user.person_id,
            expires_at=data.expires_at,
            code=data.code,
            replace_active=data.replace_active,
            program=DEFAULT.value if data.program is None else data.program,
        )
        return Code.of(code, clock.now())

    @get(
        "/",
        before_request=person,
        security=BEARER,
        operation_class=PagedOperation,
        summary="List my codes",
        responses=responses(InvalidAccessToken, PersonNeeded, InvalidInput),
    )
    async def list_codes(request: Request[Caller, Any, Any]) -> CodePage:
        """The caller's codes, oldest first: expired ones too, withdrawn ones not."""
        page = await use.programs.list_codes(owner_id=request.user.person_id, **page_query(request))
        now = clock.now()
        return CodePage.of(page, lambda code: Code.of(code, now))

    @get(
        "/{email_or_code:str}",
        before_request=person,
        security=BEARER,
        summary="Find a code by its owner's e-mail address",
        responses=responses(InvalidAccessToken, PersonNeeded, CodeNotFound, TooManyAttempts),
    )
    async def find_code(
        request: Request[Caller, Any, Any], email_or_code: EmailInPath
    ) -> FoundCode:
        """The active code of the default program of the user with this e-mail address."""
        email = email_or_code.replace(SLASH, "/")
        code, user = await use.programs.find_code(email=email, caller_id=request.user.person_id)
        found = Code.of(code, clock.now())
        return FoundCode(**msgspec.structs.asdict(found), user=CodeOwner.of(user))

    @delete(
        "/{email_or_code:str}",
        before_request=person,
        security=BEARER,
        summary="Withdraw a code",
        responses=responses(
            InvalidAccessToken,
            PersonNeeded,
            NotYourCode,
            CodeNotFound,
            OutcomeUnknown,
        ),
    )
    async def retire_code(request: Request[Caller, Any, Any], email_or_code: CodeInPath) -> None:
        """Withdraw a code of the caller's: nobody can sign up with it any more."""
        await use.programs.retire_code(owner_id=request.user.person_id, code=email_or_code)

    @get(
        "/{email_or_code:str}/status",
        before_request=in_turn,
        summary="Check a code",
        responses=responses(CodeNotFound, TooManyAttempts),
    )
    async def code_status(request: Request[Any, Any, Any], email_or_code: CodeInPath) -> CodeState:
        """Whether someone can sign up with this code now. Anyone may ask."""
        code = await use.programs.code_status(
            code=email_or_code, client_address=client_address(request, proxies)
        )
        return CodeState(
            code=code.text.value, is_active=code.is_usable(clock.now()), expires_at=code.expires_at
        )

    return Router(
        "/codes",
        route_handlers=[issue_code, list_codes, find_code, retire_code, code_status],
        tags=["Codes"],
    )

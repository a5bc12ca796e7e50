"""Referral codes: /codes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Request, Router, delete, get, post
from litestar.params import JSONBody
from litestar.types import BeforeRequestHookHandler
from msgspec import UNSET, Meta, UnsetType

from referral.application.ports import Clock
from referral.application.use_cases import UseCases
from referral.domain.access.caller import Caller
from referral.domain.access.errors import InvalidAccessToken, PersonNeeded, TooManyAttempts
from referral.domain.accounts.user import PublicUser
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
from referral.domain.programs.referral_code import ReferralCode
from referral.entrypoints.http.api.shapes import (
    TIME,
    Body,
    CodeInPath,
    CodeText,
    Email,
    EmailInPath,
    GivenCode,
    Instant,
    Name,
    ProgramSlug,
)
from referral.entrypoints.http.middleware.paths import SLASH
from referral.entrypoints.http.openapi.description import BEARER, PagedOperation
from referral.entrypoints.http.problems.description import BODY, ONCE, responses
from referral.entrypoints.http.request.caller import Network, client_address
from referral.entrypoints.http.request.paging import PageBody, page_query


class NewCode(Body):
    """A referral code to issue."""

    expires_at: Annotated[
        str,
        Meta(
            description="in the future, at most 10 years away; without an offset it is UTC, and seconds may be left out",
            examples=["2030-10-10T12:00:00Z", "2030-10-10 12:00"],
            extra_json_schema={"pattern": TIME},
        ),
    ]
    code: GivenCode | None = None
    replace_active: Annotated[
        bool,
        Meta(
            description="withdraw the program's active code, if there is one, instead of refusing"
        ),
    ] = False
    program: Annotated[
        ProgramSlug | None, Meta(description="which program's; `default` without it")
    ] = None


class Code(msgspec.Struct, kw_only=True):
    """A referral code; of a program, and how often it may be and was used, where it is not simply one of `default`."""

    id: Annotated[int, Meta(examples=[4])]
    user_id: Annotated[UUID, Meta(description="whose it is")]
    code: CodeText
    expires_at: Instant
    is_active: Annotated[bool, Meta(description="whether someone can sign up with it now")]
    program: ProgramSlug | UnsetType = UNSET
    max_uses: Annotated[
        int | UnsetType | None,
        Meta(description="how many people may sign up with it; null without end"),
    ] = UNSET
    uses: Annotated[int | UnsetType, Meta(description="how many people signed up with it")] = UNSET

    @classmethod
    def of(cls, code: ReferralCode, now: datetime) -> "Code":
        shown = cls(
            id=code.id,
            user_id=code.owner_id,
            code=code.text.value,
            expires_at=code.expires_at,
            is_active=code.is_usable(now),
        )
        if code.program.slug != DEFAULT or code.max_uses is not None:
            shown.program = code.program.slug.value
            shown.max_uses, shown.uses = code.max_uses, code.uses
        return shown


class CodeOwner(msgspec.Struct, kw_only=True):
    """Whose code it is; whom a server enrolled may have no user name."""

    id: UUID
    email: Email
    username: Name | None

    @classmethod
    def of(cls, owner: PublicUser) -> "CodeOwner":
        username = owner.username.value if owner.username else None
        return cls(id=owner.id, email=owner.email.value, username=username)


class FoundCode(Code, kw_only=True):
    """A user's active referral code, and whose it is."""

    user: CodeOwner


class CodeState(msgspec.Struct, kw_only=True):
    """Whether someone can sign up with a code."""

    code: CodeText
    is_active: Annotated[bool, Meta(description="whether someone can sign up with it now")]
    expires_at: Instant


class CodePage(PageBody[Code], kw_only=True):
    """A page of the caller's codes, oldest first."""


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

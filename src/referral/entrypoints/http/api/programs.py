"""Programs and their terms, for administrators and servers: /programs."""

from typing import Any

import msgspec
from litestar import Request, Router, get, patch, post
from litestar.params import FromPath, JSONBody
from litestar.types import BeforeRequestHookHandler

from referral.application.use_cases import UseCases
from referral.domain.access.caller import Caller
from referral.domain.errors import InvalidInput, OutcomeUnknown
from referral.domain.programs.errors import (
    ProgramNotFound,
    SlugTaken,
    StatusNotReachable,
    TermsNotFound,
)
from referral.entrypoints.http.api.program import (
    NewProgram,
    Program,
    ProgramChange,
    ProgramList,
    ProgramWithTerms,
    Terms,
    VersionedTerms,
)
from referral.entrypoints.http.api.shapes import (
    SlugInPath,
)
from referral.entrypoints.http.openapi.operations import CALLER, ListOperation
from referral.entrypoints.http.problems.description import BODY, ONCE, WITH_SCOPE, responses
from referral.entrypoints.http.problems.types import AddressNotFound
from referral.entrypoints.http.request.paging import list_query


def programs_router(use: UseCases, signed_in: BeforeRequestHookHandler) -> Router:
    @post(
        "/",
        summary="Draft a program",
        responses=responses(*WITH_SCOPE, InvalidInput, SlugTaken, *BODY, *ONCE),
    )
    async def create_program(
        request: Request[Caller, Any, Any], data: JSONBody[NewProgram]
    ) -> ProgramWithTerms:
        """Draft a program with the first version of its terms. Nobody can join it before it is active."""
        created = await use.programs.create_program(
            **msgspec.structs.asdict(data), caller=request.user
        )
        return ProgramWithTerms.of_now(created)

    @get(
        "/",
        operation_class=ListOperation,
        summary="List programs",
        responses=responses(*WITH_SCOPE, InvalidInput),
    )
    async def list_programs(request: Request[Caller, Any, Any]) -> ProgramList:
        """The programs, newest first."""
        page = await use.programs.list_programs(**list_query(request), caller=request.user)
        return ProgramList.of(page, Program.of)

    @get(
        "/{slug:str}",
        summary="Show a program",
        responses=responses(*WITH_SCOPE, ProgramNotFound),
    )
    async def show_program(
        request: Request[Caller, Any, Any], slug: SlugInPath
    ) -> ProgramWithTerms:
        """A program with its terms in force."""
        shown = await use.programs.show_program(slug=slug, caller=request.user)
        return ProgramWithTerms.of_now(shown)

    @patch(
        "/{slug:str}",
        summary="Change a program",
        responses=responses(
            *WITH_SCOPE, InvalidInput, ProgramNotFound, StatusNotReachable, OutcomeUnknown, *BODY
        ),
    )
    async def change_program(
        request: Request[Caller, Any, Any], slug: SlugInPath, data: JSONBody[ProgramChange]
    ) -> Program:
        """Change a program's name, status, dates or landing page. Its terms change with a new version of them."""
        changed = await use.programs.change_program(
            slug=slug, **msgspec.to_builtins(data), caller=request.user
        )
        return Program.of(changed)

    @post(
        "/{slug:str}/terms",
        summary="Give a program new terms",
        responses=responses(*WITH_SCOPE, InvalidInput, ProgramNotFound, *BODY, *ONCE),
    )
    async def add_terms(
        request: Request[Caller, Any, Any], slug: SlugInPath, data: JSONBody[Terms]
    ) -> VersionedTerms:
        """Give a program new terms, in force from now on. Referrals that were made before keep theirs."""
        kept = await use.programs.add_terms(slug=slug, terms=data, caller=request.user)
        return VersionedTerms.of(kept)

    @get(
        "/{slug:str}/terms/{version:int}",
        summary="Show terms",
        responses=responses(*WITH_SCOPE, ProgramNotFound, TermsNotFound, AddressNotFound),
    )
    async def show_terms(
        request: Request[Caller, Any, Any], slug: SlugInPath, version: FromPath[int]
    ) -> VersionedTerms:
        """One version of a program's terms."""
        kept = await use.programs.show_terms(slug=slug, version=version, caller=request.user)
        return VersionedTerms.of(kept)

    return Router(
        "/programs",
        route_handlers=[
            create_program,
            list_programs,
            show_program,
            change_program,
            add_terms,
            show_terms,
        ],
        before_request=signed_in,
        security=CALLER,
        tags=["Programs"],
    )

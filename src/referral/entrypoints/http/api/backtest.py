"""What happened in a program, judged by draft terms: /programs/{slug}/backtest."""

from typing import Annotated, Any

import msgspec
from litestar import Request, Router, post
from litestar.params import JSONBody
from litestar.types import BeforeRequestHookHandler
from msgspec import Meta

from referral.application.use_cases import UseCases
from referral.domain.access.caller import Caller
from referral.domain.errors import InvalidInput
from referral.domain.programs.errors import ProgramNotFound
from referral.domain.rewards.errors import BacktestBusy, BacktestTooLarge
from referral.entrypoints.http.api.program import Terms, Version
from referral.entrypoints.http.api.shapes import Body, GivenInstant, SlugInPath
from referral.entrypoints.http.openapi.operations import CALLER
from referral.entrypoints.http.problems.description import BODY, ONCE, WITH_SCOPE, responses


class WantedBacktest(Body, rename={"since": "from", "until": "to"}):
    """A draft of terms, and whom it is tried on."""

    terms: Terms
    since: Annotated[
        GivenInstant | None,
        Meta(
            description="those alone who were referred from then on",
            examples=["2030-01-01T12:00:00Z"],
        ),
    ] = None
    until: Annotated[
        GivenInstant | None, Meta(description="those alone who were referred before then")
    ] = None


class Sum(msgspec.Struct):
    """So many rewards, and what they come to."""

    rewards: int
    amount: Annotated[int, Meta(description="in the unit's minor unit")]


class ComparedTotal(msgspec.Struct, kw_only=True):
    """What all rules give in one unit."""

    unit: str
    today: Annotated[Sum, Meta(description="under the terms that are in force now")]
    draft: Annotated[Sum, Meta(description="under the draft")]
    difference: Annotated[Sum, Meta(description="what the draft gives more; negative for less")]


class ComparedRule(ComparedTotal, kw_only=True):
    """What one rule gives."""

    rule: str


class Backtest(msgspec.Struct, kw_only=True):
    """What a program would have given under a draft, beside what today's terms would have."""

    terms_version: Annotated[Version, Meta(description="which terms are today's")]
    referrals: Annotated[int, Meta(ge=0, description="how many were looked at")]
    events: Annotated[int, Meta(ge=0, description="how many were looked at")]
    rules: list[ComparedRule]
    totals: list[ComparedTotal]


def backtest_router(use: UseCases, signed_in: BeforeRequestHookHandler) -> Router:
    @post(
        "/",
        status_code=200,
        summary="Try terms on what happened",
        responses=responses(
            *WITH_SCOPE,
            InvalidInput,
            BacktestTooLarge,
            ProgramNotFound,
            BacktestBusy,
            *BODY,
            *ONCE,
        ),
    )
    async def backtest_terms(
        request: Request[Caller, Any, Any], slug: SlugInPath, data: JSONBody[WantedBacktest]
    ) -> Backtest:
        """Judge the program's referrals and events by draft terms and by those in force now, and compare what each gives.

        Nothing is changed. It takes at most 20,000 referrals and events and 10 seconds, not counting up to 10 that it
        waits for others; the command line has no limit.
        """
        found = await use.rewards.backtest_terms(
            slug=slug,
            terms=data.terms,
            since=data.since,
            until=data.until,
            briefly=True,
            caller=request.user,
        )
        return msgspec.convert(found, Backtest, from_attributes=True)

    return Router(
        "/programs/{slug:str}/backtest",
        route_handlers=[backtest_terms],
        before_request=signed_in,
        security=CALLER,
        tags=["Programs"],
    )

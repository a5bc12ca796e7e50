"""Why a referral is what it is: /referrals/{id}/explanation."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Request, Router, get
from litestar.openapi.spec import Schema
from litestar.openapi.spec.enums import OpenAPIType
from litestar.params import FromPath
from litestar.types import BeforeRequestHookHandler
from msgspec import Meta

from referral.application.rewards.ports import MadeDecision
from referral.application.use_cases import UseCases
from referral.domain.access.caller import Caller
from referral.domain.errors import InvalidInput
from referral.domain.programs.errors import ReferralNotFound
from referral.domain.rewards.decision import Reason
from referral.domain.rewards.explanation import sentence
from referral.entrypoints.http.api.shapes import (
    TIME,
    Instant,
    ProgramSlug,
)
from referral.entrypoints.http.openapi.operations import CALLER, taking
from referral.entrypoints.http.problems.description import WITH_SCOPE, responses
from referral.entrypoints.http.problems.types import AddressNotFound
from referral.entrypoints.http.request.paging import (
    parameter,
    text_query,
)

AS_OF = parameter(
    "as_of",
    "what was decided until then; until now, without it",
    Schema(type=OpenAPIType.STRING, pattern=TIME),
)


class Explained(msgspec.Struct, kw_only=True):
    """A decision about a referral, and why it was made."""

    at: Instant
    rule: Annotated[str, Meta(examples=["qualification"])]
    terms_version: Annotated[int, Meta(ge=1)]
    outcome: str
    reason: Reason
    inputs: Annotated[
        dict[str, Any],
        Meta(
            description="what it was decided by; the referrer reads only what is theirs of it",
            examples=[{"to": "referrer", "times": 12, "event": "order-17"}],
        ),
    ]
    reward_id: UUID | None
    sentence: Annotated[str, Meta(description="the same, to be read out")]

    @classmethod
    def of(cls, made: MadeDecision) -> "Explained":
        decision = made.decision
        return cls(
            at=made.at,
            rule=decision.rule,
            terms_version=made.terms_version,
            outcome=decision.outcome,
            reason=decision.reason,
            inputs=dict(decision.inputs),
            reward_id=decision.reward_id,
            sentence=sentence(decision),
        )


class Explanation(msgspec.Struct, kw_only=True):
    """A referral's decisions, oldest first."""

    referral: UUID
    program: ProgramSlug
    decisions: list[Explained]


def explanation_router(use: UseCases, signed_in: BeforeRequestHookHandler) -> Router:
    @get(
        "/{referral_id:uuid}/explanation",
        operation_class=taking(AS_OF),
        summary="Explain a referral",
        responses=responses(*WITH_SCOPE, InvalidInput, ReferralNotFound, AddressNotFound),
    )
    async def explain_referral(
        request: Request[Caller, Any, Any], referral_id: FromPath[UUID]
    ) -> Explanation:
        """Every decision about a referral, in order, as data and as sentences. Its referrer may ask too, and reads nothing
        of what the referee did or gets, nor who decided by hand. A code that was not usable made no referral to explain.
        """
        named, made = await use.rewards.explain_referral(
            referral_id=referral_id, **text_query(request, "as_of"), caller=request.user
        )
        return Explanation(
            referral=named.referral.referee_id,
            program=named.program.value,
            decisions=[*map(Explained.of, made)],
        )

    return Router(
        "/referrals",
        route_handlers=[explain_referral],
        before_request=signed_in,
        security=CALLER,
        tags=["Referrals"],
    )

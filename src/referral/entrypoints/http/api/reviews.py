"""Referrals that are held until someone decides: /reviews."""

from typing import Any
from uuid import UUID

from litestar import Request, Router, get, post
from litestar.params import FromPath, JSONBody
from litestar.types import BeforeRequestHookHandler

from referral.application.rewards.decide_review import ReviewVerdict
from referral.application.use_cases import UseCases
from referral.domain.access.caller import Caller
from referral.domain.errors import InvalidInput
from referral.domain.programs.errors import ReferralNotFound, ReferralNotHeld
from referral.entrypoints.http.api.referrals import Referral, ReferralList
from referral.entrypoints.http.api.rewards import Verdict
from referral.entrypoints.http.openapi.operations import CALLER, ListOperation
from referral.entrypoints.http.problems.description import BODY, ONCE, WITH_SCOPE, responses
from referral.entrypoints.http.problems.types import AddressNotFound
from referral.entrypoints.http.request.paging import list_query


def reviews_router(use: UseCases, signed_in: BeforeRequestHookHandler) -> Router:
    decided = responses(
        *WITH_SCOPE,
        InvalidInput,
        ReferralNotFound,
        ReferralNotHeld,
        AddressNotFound,
        *BODY,
        *ONCE,
    )

    @get(
        "/",
        operation_class=ListOperation,
        summary="List reviews",
        responses=responses(*WITH_SCOPE, InvalidInput),
    )
    async def find_reviews(request: Request[Caller, Any, Any]) -> ReferralList:
        """The referrals that are held until someone decides, newest first."""
        page = await use.rewards.find_reviews(**list_query(request), caller=request.user)
        return ReferralList.of(page, Referral.of)

    @post(
        "/{referral_id:uuid}/release",
        summary="Release a referral",
        status_code=200,
        responses=decided,
    )
    async def release_referral(
        request: Request[Caller, Any, Any], referral_id: FromPath[UUID], data: JSONBody[Verdict]
    ) -> Referral:
        """Let a referral that is held go on; its held rewards wait for their time."""
        return Referral.of(
            await use.rewards.decide_review(
                referral_id=referral_id,
                verdict=ReviewVerdict.RELEASE,
                reason=data.reason,
                caller=request.user,
            )
        )

    @post(
        "/{referral_id:uuid}/reject",
        summary="Reject a referral",
        status_code=200,
        responses=decided,
    )
    async def reject_referral(
        request: Request[Caller, Any, Any], referral_id: FromPath[UUID], data: JSONBody[Verdict]
    ) -> Referral:
        """Refuse a referral that is held: it gets nothing, and what was paid is to be recovered."""
        return Referral.of(
            await use.rewards.decide_review(
                referral_id=referral_id,
                verdict=ReviewVerdict.REJECT,
                reason=data.reason,
                caller=request.user,
            )
        )

    return Router(
        "/reviews",
        route_handlers=[find_reviews, release_referral, reject_referral],
        before_request=signed_in,
        security=CALLER,
        tags=["Reviews"],
    )

"""Referrals that are held until someone decides: /reviews."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Request, Router, get, post
from litestar.params import FromPath, JSONBody
from litestar.types import BeforeRequestHookHandler
from msgspec import Meta

from referral.application.rewards.decide_review import ReviewVerdict
from referral.application.rewards.reviews import NamedReview
from referral.application.use_cases import UseCases
from referral.domain.access.caller import Caller
from referral.domain.errors import InvalidInput
from referral.domain.programs.errors import ReferralNotFound, ReferralNotHeld
from referral.domain.rewards.explanation import sentence
from referral.domain.rewards.review import ReviewStatus
from referral.entrypoints.http.api.referrals import Referral
from referral.entrypoints.http.api.rewards import Verdict
from referral.entrypoints.http.api.shapes import Instant
from referral.entrypoints.http.openapi.operations import CALLER, filtered_list
from referral.entrypoints.http.problems.description import BODY, ONCE, WITH_SCOPE, responses
from referral.entrypoints.http.problems.types import AddressNotFound
from referral.entrypoints.http.request.paging import ListBody, list_query, text_query

_FILTERS = {"status": "in this status; `open` without it"}


class Review(Referral, kw_only=True):
    """A referral that was held, and what someone decided about it."""

    review: Annotated[ReviewStatus, Meta(description="`open` until someone decides")]
    doubts: Annotated[list[str], Meta(description="why it was held", examples=[["velocity"]])]
    sentences: Annotated[
        list[str],
        Meta(
            description="the same, to be read out: one for each of `doubts`",
            examples=[["The referral is held: the referrer brought 20 or more within 1 hour."]],
        ),
    ]
    decided_at: Instant | None
    decided_by: Annotated[
        str | None,
        Meta(description="`user:` or `key:` and an id, or `operator`", examples=["operator"]),
    ]
    reason: Annotated[str | None, Meta(description="why it was decided so")]

    @classmethod
    def about(cls, review: NamedReview) -> "Review":
        return cls(
            **msgspec.structs.asdict(Referral.of(review.named)),
            review=review.status,
            doubts=[str(doubt.reason) for doubt in review.doubts],
            sentences=[*map(sentence, review.doubts)],
            decided_at=review.decided_at,
            decided_by=review.decided_by,
            reason=review.reason,
        )


class ReviewList(ListBody[Review], kw_only=True):
    """A page of reviews."""


def reviews_router(use: UseCases, signed_in: BeforeRequestHookHandler) -> Router:
    refused = responses(
        *WITH_SCOPE,
        InvalidInput,
        ReferralNotFound,
        ReferralNotHeld,
        AddressNotFound,
        *BODY,
        *ONCE,
    )

    async def decided(
        request: Request[Caller, Any, Any], referral_id: UUID, verdict: ReviewVerdict, reason: str
    ) -> Referral:
        return Referral.of(
            await use.rewards.decide_review(
                referral_id=referral_id, verdict=verdict, reason=reason, caller=request.user
            )
        )

    @get(
        "/",
        operation_class=filtered_list(_FILTERS, ReviewStatus),
        summary="List reviews",
        responses=responses(*WITH_SCOPE, InvalidInput),
    )
    async def find_reviews(request: Request[Caller, Any, Any]) -> ReviewList:
        """The referrals that are held until someone decides, newest first; or those that were released or rejected, with
        who decided, when and why, the last decided first.
        """
        page = await use.rewards.find_reviews(
            **text_query(request, *_FILTERS), **list_query(request), caller=request.user
        )
        return ReviewList.of(page, Review.about)

    @post(
        "/{referral_id:uuid}/release",
        summary="Release a referral",
        status_code=200,
        responses=refused,
    )
    async def release_referral(
        request: Request[Caller, Any, Any], referral_id: FromPath[UUID], data: JSONBody[Verdict]
    ) -> Referral:
        """Let a referral that is held go on; its held rewards wait for their time."""
        return await decided(request, referral_id, ReviewVerdict.RELEASE, data.reason)

    @post(
        "/{referral_id:uuid}/reject",
        summary="Reject a referral",
        status_code=200,
        responses=refused,
    )
    async def reject_referral(
        request: Request[Caller, Any, Any], referral_id: FromPath[UUID], data: JSONBody[Verdict]
    ) -> Referral:
        """Refuse a referral that is held: it gets nothing, and what was paid is to be recovered."""
        return await decided(request, referral_id, ReviewVerdict.REJECT, data.reason)

    return Router(
        "/reviews",
        route_handlers=[find_reviews, release_referral, reject_referral],
        before_request=signed_in,
        security=CALLER,
        tags=["Reviews"],
    )

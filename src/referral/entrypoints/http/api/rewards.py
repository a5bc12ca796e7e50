"""Rewards of all programs, for administrators and servers: /rewards."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Request, Router, get, post
from litestar.params import FromPath, JSONBody
from litestar.types import BeforeRequestHookHandler
from msgspec import Meta

from referral.application.rewards.decide_reward import RewardVerdict
from referral.application.rewards.ports import NamedReward
from referral.application.use_cases import UseCases
from referral.domain.access.caller import Caller
from referral.domain.accounts.errors import ParticipantNotFound
from referral.domain.errors import InvalidInput
from referral.domain.programs.errors import ProgramNotFound
from referral.domain.programs.reward_rules import Side
from referral.domain.rewards.decision import REASON_LENGTH
from referral.domain.rewards.errors import RewardIsSettled, RewardNotFound
from referral.domain.rewards.reward import RewardStatus
from referral.entrypoints.http.api.referrals import Reference
from referral.entrypoints.http.api.shapes import Body, Instant, ProgramSlug
from referral.entrypoints.http.openapi.operations import (
    CALLER,
    BodyIsOptional,
    filtered_list,
)
from referral.entrypoints.http.problems.description import BODY, ONCE, WITH_SCOPE, responses
from referral.entrypoints.http.problems.types import AddressNotFound
from referral.entrypoints.http.request.paging import ListBody, list_query, text_query

_FILTERS = {
    "participant": "of this participant alone: an external id, or `user:` and an id",
    "program": "of this program alone, by its slug",
    "status": "in this status alone",
}
Unit = Annotated[str, Meta(description="ISO 4217, or a name", examples=["EUR"])]
Minor = Annotated[int, Meta(description="in the unit's minor unit, such as cents")]


_REASON = {"maxLength": REASON_LENGTH.stop - 1, "examples": ["Both live in one household."]}


class Verdict(Body):
    """Why someone decides so."""

    reason: Annotated[
        str,
        Meta(
            description="1 to 500 printable characters",
            extra_json_schema={"minLength": REASON_LENGTH.start, **_REASON},
        ),
    ]


# Frozen, as Litestar asks of a default.
class Approval(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """Why someone approves, if they say so."""

    reason: Annotated[
        str, Meta(description="up to 500 printable characters", extra_json_schema=_REASON)
    ] = ""


_UNEXPLAINED = Approval()


class Reward(msgspec.Struct, kw_only=True):
    """What someone gets for a referral by a rule of the terms; a negative one is to be recovered."""

    id: UUID
    referral: Annotated[UUID, Meta(description="the referral's id")]
    program: ProgramSlug
    terms_version: Annotated[int, Meta(ge=1)]
    rule: Annotated[str, Meta(examples=["thanks"])]
    to: Side
    participant: Reference
    amount: Minor
    unit: Unit
    status: RewardStatus
    created_at: Instant
    due_at: Annotated[Instant, Meta(description="when a pending one is approved")]
    recovers: Annotated[UUID | None, Meta(description="the paid reward that a negative one is of")]
    payout: Annotated[UUID | None, Meta(description="the payout that paid it")]

    @classmethod
    def of(cls, named: NamedReward) -> "Reward":
        reward = named.reward
        return cls(
            id=reward.id,
            referral=reward.referral_id,
            program=named.program.value,
            terms_version=reward.terms_version,
            rule=reward.rule,
            to=reward.to,
            participant=named.beneficiary,
            amount=reward.amount,
            unit=reward.unit,
            status=reward.status,
            created_at=reward.created_at,
            due_at=reward.due_at,
            recovers=reward.recovers,
            payout=reward.payout_id,
        )


class RewardList(ListBody[Reward], kw_only=True):
    """A page of rewards, newest first."""


def rewards_router(use: UseCases, signed_in: BeforeRequestHookHandler) -> Router:
    undecided = (*WITH_SCOPE, RewardNotFound, RewardIsSettled, AddressNotFound)

    @get(
        "/",
        operation_class=filtered_list(_FILTERS, RewardStatus),
        summary="List rewards",
        responses=responses(*WITH_SCOPE, InvalidInput, ProgramNotFound, ParticipantNotFound),
    )
    async def find_rewards(request: Request[Caller, Any, Any]) -> RewardList:
        """Rewards, newest first; every page costs the same, however many there are."""
        page = await use.rewards.find_rewards(
            **text_query(request, *_FILTERS), **list_query(request), caller=request.user
        )
        return RewardList.of(page, Reward.of)

    async def decided(
        request: Request[Caller, Any, Any],
        reward_id: UUID,
        verdict: RewardVerdict,
        reason: str,
    ) -> Reward:
        return Reward.of(
            await use.rewards.decide_reward(
                reward_id=reward_id, verdict=verdict, reason=reason, caller=request.user
            )
        )

    @post(
        "/{reward_id:uuid}/approve",
        summary="Approve a reward",
        status_code=200,
        operation_class=BodyIsOptional,
        responses=responses(*undecided, InvalidInput, *BODY, *ONCE),
    )
    async def approve_reward(
        request: Request[Caller, Any, Any],
        reward_id: FromPath[UUID],
        data: JSONBody[Approval] = _UNEXPLAINED,
    ) -> Reward:
        """Let a pending reward be paid before its time, or let a held one wait for its time again."""
        return await decided(request, reward_id, RewardVerdict.APPROVE, data.reason)

    @post(
        "/{reward_id:uuid}/hold",
        summary="Hold a reward",
        status_code=200,
        responses=responses(*undecided, InvalidInput, *BODY, *ONCE),
    )
    async def hold_reward(
        request: Request[Caller, Any, Any], reward_id: FromPath[UUID], data: JSONBody[Verdict]
    ) -> Reward:
        """Keep a reward from being paid until someone has looked at it."""
        return await decided(request, reward_id, RewardVerdict.HOLD, data.reason)

    @post(
        "/{reward_id:uuid}/reject",
        summary="Reject a reward",
        status_code=200,
        responses=responses(*undecided, InvalidInput, *BODY, *ONCE),
    )
    async def reject_reward(
        request: Request[Caller, Any, Any], reward_id: FromPath[UUID], data: JSONBody[Verdict]
    ) -> Reward:
        """Refuse a reward that was not paid, for good."""
        return await decided(request, reward_id, RewardVerdict.REJECT, data.reason)

    return Router(
        "/rewards",
        route_handlers=[find_rewards, approve_reward, hold_reward, reject_reward],
        before_request=signed_in,
        security=CALLER,
        tags=["Rewards"],
    )

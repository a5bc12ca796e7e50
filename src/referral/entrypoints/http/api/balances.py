"""What someone got and has: the rewards and the balance of a participant, and of the caller."""

from typing import Annotated, Any

import msgspec
from litestar import Request, Router, get
from litestar.types import BeforeRequestHookHandler
from msgspec import Meta

from referral.application.rewards import ports
from referral.application.use_cases import UseCases
from referral.domain.access.caller import Caller
from referral.domain.access.errors import InvalidAccessToken, PersonNeeded
from referral.domain.accounts.errors import ParticipantNotFound
from referral.domain.errors import InvalidInput
from referral.entrypoints.http.api.participants import ParticipantInPath
from referral.entrypoints.http.api.rewards import Reward, RewardList, Unit
from referral.entrypoints.http.middleware.paths import SLASH
from referral.entrypoints.http.openapi.operations import (
    BEARER,
    CALLER,
    ListOperation,
)
from referral.entrypoints.http.problems.description import WITH_SCOPE, responses
from referral.entrypoints.http.request.paging import list_query


class Balance(msgspec.Struct, kw_only=True):
    """What someone's accounts hold in one unit, in its minor unit."""

    unit: Unit
    pending: Annotated[int, Meta(ge=0, description="given, and not approved yet")]
    available: Annotated[int, Meta(ge=0, description="approved, and not paid yet")]
    paid: Annotated[int, Meta(ge=0)]
    recoverable: Annotated[
        int,
        Meta(
            ge=0,
            description="what was paid and is no longer deserved: the next payout is less by it",
        ),
    ]

    @classmethod
    def of(cls, balance: ports.Balance) -> "Balance":
        return cls(**balance._asdict())


def participant_rewards_router(use: UseCases, signed_in: BeforeRequestHookHandler) -> Router:
    of_them = responses(*WITH_SCOPE, InvalidInput, ParticipantNotFound)

    @get(
        "/rewards",
        operation_class=ListOperation,
        summary="List a participant's rewards",
        responses=of_them,
    )
    async def list_participant_rewards(
        request: Request[Caller, Any, Any], participant: ParticipantInPath
    ) -> RewardList:
        """What a participant got, newest first."""
        page = await use.rewards.find_rewards(
            participant=participant.replace(SLASH, "/"), **list_query(request), caller=request.user
        )
        return RewardList.of(page, Reward.of)

    @get("/balance", summary="Show a participant's balance", responses=of_them)
    async def show_participant_balance(
        request: Request[Caller, Any, Any], participant: ParticipantInPath
    ) -> list[Balance]:
        """What a participant's accounts hold, by unit."""
        balances = await use.rewards.show_balance(
            participant=participant.replace(SLASH, "/"), caller=request.user
        )
        return [*map(Balance.of, balances)]

    return Router(
        "/participants/{participant:str}",
        route_handlers=[list_participant_rewards, show_participant_balance],
        before_request=signed_in,
        security=CALLER,
        tags=["Rewards"],
    )


def my_rewards_router(use: UseCases, signed_in: BeforeRequestHookHandler) -> Router:
    @get(
        "/rewards",
        operation_class=ListOperation,
        summary="List my rewards",
        responses=responses(InvalidAccessToken, PersonNeeded, InvalidInput),
    )
    async def list_my_rewards(request: Request[Caller, Any, Any]) -> RewardList:
        """What the caller got, newest first."""
        page = await use.rewards.my_rewards(caller=request.user, **list_query(request))
        return RewardList.of(page, Reward.of)

    @get(
        "/balance",
        summary="Show my balance",
        responses=responses(InvalidAccessToken, PersonNeeded),
    )
    async def show_my_balance(request: Request[Caller, Any, Any]) -> list[Balance]:
        """What the caller's accounts hold, by unit."""
        return [*map(Balance.of, await use.rewards.show_balance(caller=request.user))]

    return Router(
        "/users/me",
        route_handlers=[list_my_rewards, show_my_balance],
        before_request=signed_in,
        security=BEARER,
        tags=["Rewards"],
    )

"""The caller's account and referrals: /users."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Request, Router, delete, get, post
from litestar.params import FromPath, JSONBody
from litestar.types import BeforeRequestHookHandler
from msgspec import Meta

from referral.application.programs import ports
from referral.application.use_cases import UseCases
from referral.domain.access.caller import Caller
from referral.domain.access.errors import InvalidAccessToken, PersonNeeded, TooManyAttempts
from referral.domain.accounts.errors import HashingBusy, WrongPassword
from referral.domain.accounts.user import UserId
from referral.domain.errors import InvalidInput, OutcomeUnknown
from referral.domain.programs.errors import NotYourReferrals
from referral.entrypoints.http.api.shapes import (
    Body,
    CurrentPassword,
    Email,
    Instant,
    Name,
    NewPassword,
    UserSummary,
)
from referral.entrypoints.http.openapi.operations import BEARER, CursorOperation
from referral.entrypoints.http.problems.description import BODY, ONCE, responses
from referral.entrypoints.http.problems.types import AddressNotFound
from referral.entrypoints.http.request.caller import Network, client_address
from referral.entrypoints.http.request.paging import CursorPageBody, page_query


class Me(UserSummary, kw_only=True, omit_defaults=True):
    """The caller's account."""

    created_at: Instant
    referrer_id: Annotated[
        UUID | msgspec.UnsetType, Meta(description="who brought this user, if someone did")
    ] = msgspec.UNSET


class PasswordChange(Body):
    """The current password, and the one to have from now on."""

    password: CurrentPassword
    new_password: NewPassword


class Erasure(Body):
    """The current password, to confirm."""

    password: CurrentPassword


class Referee(msgspec.Struct, kw_only=True):
    """Someone who signed up with a code of the caller's; name and address are null once that account is erased."""

    id: UUID
    email: Email | None
    username: Name | None
    created_at: Instant

    @classmethod
    def of(cls, referee: ports.Referee) -> "Referee":
        return cls(
            id=referee.id,
            email=referee.email,
            username=referee.username,
            created_at=referee.created_at,
        )


class RefereePage(CursorPageBody[Referee], kw_only=True):
    """A page of the people the caller brought, newest first."""


def users_router(
    use: UseCases, proxies: Sequence[Network], person: BeforeRequestHookHandler
) -> Router:
    confirmed = (
        InvalidAccessToken,
        PersonNeeded,
        WrongPassword,
        InvalidInput,
        TooManyAttempts,
        HashingBusy,
        *BODY,
    )

    @get("/me", summary="Show my account", responses=responses(InvalidAccessToken, PersonNeeded))
    async def me(request: Request[Caller, Any, Any]) -> Me:
        """The caller's account."""
        user = await use.accounts.who_am_i(user_id=request.user.person_id)
        return Me(
            **msgspec.structs.asdict(UserSummary.of(user)),
            created_at=user.created_at,
            referrer_id=user.referrer_id or msgspec.UNSET,
        )

    @post(
        "/me/password",
        status_code=204,
        summary="Change the password",
        responses=responses(*confirmed, *ONCE),
    )
    async def change_password(
        request: Request[Caller, Any, Any], data: JSONBody[PasswordChange]
    ) -> None:
        """Choose another password. Every token issued before is dead, access tokens within a second."""
        await use.accounts.change_password(
            user_id=request.user.person_id,
            password=data.password,
            new_password=data.new_password,
            client_address=client_address(request, proxies),
        )

    @delete(
        "/me",
        status_code=204,
        summary="Erase the account",
        responses=responses(*confirmed, OutcomeUnknown),
    )
    async def erase_me(request: Request[Caller, Any, Any], data: JSONBody[Erasure]) -> None:
        """Erase the caller's account for good: name, address, password and tokens are forgotten, the codes withdrawn.

        The referrer still counts it, without seeing whose it was.
        """
        await use.accounts.erase_user(
            user_id=request.user.person_id,
            password=data.password,
            client_address=client_address(request, proxies),
        )

    async def referees(request: Request[Caller, Any, Any], user_id: UUID) -> RefereePage:
        page = await use.programs.list_referrals(
            referrer_id=UserId(user_id),
            caller_id=request.user.person_id,
            **page_query(request, cursors=True),
        )
        return RefereePage.of(page, Referee.of)

    listing_problems = (
        InvalidAccessToken,
        PersonNeeded,
        NotYourReferrals,
        InvalidInput,
        AddressNotFound,
    )

    @get(
        "/{user_id:uuid}/referrals",
        operation_class=CursorOperation,
        summary="List my referrals",
        responses=responses(*listing_problems),
    )
    async def list_referrals(
        request: Request[Caller, Any, Any], user_id: FromPath[UUID]
    ) -> RefereePage:
        """The people who signed up with the caller's codes, newest first; every page costs the same.

        Of someone whose account was erased, only the id is left.
        """
        return await referees(request, user_id)

    @get(
        "/{user_id:uuid}",
        operation_class=CursorOperation,
        summary="List my referrals, at the shorter address",
        responses=responses(*listing_problems),
    )
    async def list_referees(
        request: Request[Caller, Any, Any], user_id: FromPath[UUID]
    ) -> RefereePage:
        """The same as `/users/{user_id}/referrals`."""
        return await referees(request, user_id)

    return Router(
        "/users",
        route_handlers=[me, change_password, erase_me, list_referrals, list_referees],
        before_request=person,
        security=BEARER,
        tags=["Users"],
    )

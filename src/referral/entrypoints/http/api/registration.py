"""Registering: /auth/user."""

from collections.abc import Sequence
from typing import Any

from litestar import Request, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody

from referral.application.use_cases import UseCases
from referral.domain.access.errors import TooManyAttempts
from referral.domain.accounts.errors import EmailTaken, HashingBusy, UsernameTaken
from referral.domain.errors import InvalidInput
from referral.domain.programs.errors import CodeNotUsable
from referral.entrypoints.http.api.shapes import (
    Body,
    CodeInPath,
    Email,
    GivenCode,
    Name,
    NewPassword,
    UserSummary,
)
from referral.entrypoints.http.problems.description import BODY, ONCE, responses
from referral.entrypoints.http.request.caller import Network, client_address


class NewReferee(Body):
    """Someone who registers with the code in the path."""

    username: Name
    email: Email
    password: NewPassword


class NewUser(NewReferee):
    """Someone who registers, alone or with someone's referral code."""

    code: GivenCode | None = None


def registration_handlers(use: UseCases, proxies: Sequence[Network]) -> list[HTTPRouteHandler]:
    registration_problems = (
        InvalidInput,
        CodeNotUsable,
        UsernameTaken,
        EmailTaken,
        TooManyAttempts,
        HashingBusy,
        *BODY,
        *ONCE,
    )

    async def register(
        request: Request[Any, Any, Any], data: NewReferee, code: str | None
    ) -> UserSummary:
        return UserSummary.of(
            await use.accounts.register_user(
                username=data.username,
                email=data.email,
                password=data.password,
                code=code,
                client_address=client_address(request, proxies),
            )
        )

    @post("/user", summary="Register", responses=responses(*registration_problems))
    async def register_user(
        request: Request[Any, Any, Any], data: JSONBody[NewUser]
    ) -> UserSummary:
        """Open an account; with `code`, as a referee of the code's owner."""
        return await register(request, data, data.code)

    @post(
        "/user/{code:str}",
        summary="Register with a code",
        responses=responses(*registration_problems),
    )
    async def register_referee(
        request: Request[Any, Any, Any], code: CodeInPath, data: JSONBody[NewReferee]
    ) -> UserSummary:
        """Open an account as a referee of the code's owner."""
        return await register(request, data, code)

    return [register_user, register_referee]

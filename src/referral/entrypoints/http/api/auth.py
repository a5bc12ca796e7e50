"""Registering and tokens: /auth."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec
from litestar import Request, Response, Router, post
from litestar.params import JSONBody
from litestar.types import BeforeRequestHookHandler
from msgspec import Meta

from referral.application.access.token_pair import TokenPair
from referral.application.use_cases import UseCases
from referral.domain.access.errors import InvalidRefreshToken, TooManyAttempts, WrongCredentials
from referral.domain.accounts.errors import HashingBusy
from referral.domain.errors import Busy, InvalidInput, Unauthenticated
from referral.entrypoints.http.api.registration import registration_handlers
from referral.entrypoints.http.api.shapes import (
    CurrentPassword,
)
from referral.entrypoints.http.problems import answers as problems
from referral.entrypoints.http.problems.description import BODY, ONCE, responses
from referral.entrypoints.http.problems.problem import Problem
from referral.entrypoints.http.problems.types import TooManyCalls, UnsupportedGrantType
from referral.entrypoints.http.request.body import FORM, media_type, missing_parameters
from referral.entrypoints.http.request.caller import Network, client_address

GRANT_TYPES = ("password", "refresh_token")


class TokenRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A password grant (RFC 6749 §4.3) or a refresh (§6)."""

    grant_type: Annotated[
        str | None,
        Meta(description="`password` or `refresh_token`; in JSON it may be left out"),
    ] = None
    username: Annotated[
        str | None, Meta(description="the user name or the e-mail address", examples=["ann"])
    ] = None
    password: CurrentPassword | None = None
    refresh_token: str | None = None
    scope: Annotated[str | None, Meta(description="ignored")] = None
    client_id: Annotated[str | None, Meta(description="ignored")] = None
    client_secret: Annotated[str | None, Meta(description="ignored")] = None


class RevocationRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A refresh token to revoke (RFC 7009 §2.1)."""

    token: str
    token_type_hint: Annotated[str | None, Meta(description="ignored")] = None
    client_id: Annotated[str | None, Meta(description="ignored")] = None
    client_secret: Annotated[str | None, Meta(description="ignored")] = None


class Tokens(msgspec.Struct, kw_only=True):
    """A bearer token, and the refresh token that gets the next pair (RFC 6749 §5.1)."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: Annotated[int, Meta(description="seconds", examples=[900], ge=1)]
    refresh_token: str


_OAUTH_ERRORS: tuple[tuple[type[Exception], str], ...] = (
    (UnsupportedGrantType, "unsupported_grant_type"),
    (Unauthenticated, "invalid_grant"),
    (Busy, "temporarily_unavailable"),
    (TooManyCalls, "temporarily_unavailable"),
)


def _oauth_answer(request: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    """The problem, with the error code that OAuth clients look for (RFC 6749 §5.2)."""
    response = problems.answer(request, error)
    codes = (code for kind, code in _OAUTH_ERRORS if isinstance(error, kind))
    response.content.error = next(codes, "invalid_request")
    return response


def _required(**parameters: str | None) -> list[str]:
    missing = [name for name, value in parameters.items() if value is None]
    if missing:
        raise missing_parameters(*missing)
    return [value for value in parameters.values() if value is not None]


def auth_router(
    use: UseCases, proxies: Sequence[Network], in_turn: BeforeRequestHookHandler
) -> Router:
    @post(
        "/token",
        status_code=200,
        opt={"form": True},
        summary="Log in or refresh",
        exception_handlers={Exception: _oauth_answer},
        responses=responses(
            WrongCredentials,
            InvalidRefreshToken,
            TooManyAttempts,
            HashingBusy,
            UnsupportedGrantType,
            InvalidInput,
            *BODY,
            *ONCE,
        ),
    )
    async def issue_tokens(request: Request[Any, Any, Any], data: JSONBody[TokenRequest]) -> Tokens:
        """Exchange a password, or a refresh token, for a pair of tokens. A refresh token works once."""
        if data.grant_type is None and media_type(request) == FORM:
            _required(grant_type=data.grant_type)
        if data.grant_type is not None and data.grant_type not in GRANT_TYPES:
            raise UnsupportedGrantType
        if data.grant_type == "refresh_token" or (not data.grant_type and data.refresh_token):
            await in_turn(request)
            [refresh_token] = _required(refresh_token=data.refresh_token)
            pair = await use.access.refresh_token_pair(refresh_token=refresh_token)
        else:
            username, password = _required(username=data.username, password=data.password)
            pair = await use.access.log_in(
                username=username,
                password=password,
                client_address=client_address(request, proxies),
            )
        return _tokens(pair)

    @post(
        "/revoke",
        status_code=200,
        media_type="text/plain",  # an empty body is no JSON
        opt={"form": True},
        summary="Revoke refresh tokens",
        before_request=in_turn,
        responses=responses(InvalidInput, *BODY, *ONCE),
    )
    async def revoke_tokens(data: JSONBody[RevocationRequest]) -> None:
        """Make a refresh token, and all that came of the same log-in, worthless. An unknown one is worthless already."""
        await use.access.revoke_tokens(refresh_token=data.token)

    return Router(
        "/auth",
        route_handlers=[*registration_handlers(use, proxies), issue_tokens, revoke_tokens],
        tags=["Accounts and tokens"],
    )


def _tokens(pair: TokenPair) -> Tokens:
    return Tokens(
        access_token=pair.access_token,
        token_type="Bearer",  # noqa: S106  a scheme, no secret
        expires_in=pair.expires_in,
        refresh_token=pair.refresh_token,
    )

"""API keys, which servers call with: /keys."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Request, Router, delete, get, post
from litestar.params import FromPath, JSONBody
from litestar.types import BeforeRequestHookHandler
from msgspec import Meta

from referral.application.use_cases import UseCases
from referral.domain.access.api_key import NAME_LENGTH, ApiKey
from referral.domain.access.caller import Caller, KeyId, Scope
from referral.domain.access.errors import (
    KeyNotFound,
    TooManyAttempts,
)
from referral.domain.errors import InvalidInput, OutcomeUnknown
from referral.entrypoints.http.api.shapes import Body, GivenInstant, Instant
from referral.entrypoints.http.openapi.operations import CALLER, ListOperation
from referral.entrypoints.http.problems.description import BODY, ONCE, WITH_SCOPE, responses
from referral.entrypoints.http.problems.types import AddressNotFound
from referral.entrypoints.http.request.paging import ListBody, list_query

KeyName = Annotated[
    str,
    Meta(
        description="1 to 100 printable characters, to know it by; no blanks at its ends",
        extra_json_schema={
            "minLength": NAME_LENGTH.start,
            "maxLength": NAME_LENGTH.stop - 1,
            "pattern": r"^\S(.*\S)?$",
        },
        examples=["shop"],
    ),
]
Scopes = Annotated[
    list[Annotated[str, Meta(extra_json_schema={"enum": [*map(str, Scope)]})]],
    Meta(
        description="what one may do with it; to write includes to read",
        extra_json_schema={"minItems": 1},
        examples=[["events:write", "participants:write"]],
    ),
]


class NewKey(Body):
    """An API key to make."""

    name: KeyName
    scopes: Scopes
    expires_at: Annotated[
        GivenInstant | None, Meta(description="without it, the key never expires")
    ] = None


class Key(msgspec.Struct, kw_only=True):
    """An API key, without what is secret about it."""

    id: UUID
    name: KeyName
    scopes: Scopes
    created_at: Instant
    expires_at: Instant | None
    last_used_at: Annotated[Instant | None, Meta(description="to the minute")]

    @classmethod
    def of(cls, key: ApiKey) -> "Key":
        return cls(
            id=key.id,
            name=key.name,
            scopes=sorted(key.scopes),
            created_at=key.created_at,
            expires_at=key.expires_at,
            last_used_at=key.last_used_at,
        )


class KeyWithSecret(Key, kw_only=True):
    """An API key that was just made."""

    key: Annotated[
        str,
        Meta(
            description="what a server sends as bearer token; it is shown this once",
            extra_json_schema={"pattern": "^rk_[0-9A-Za-z]{36}$"},
        ),
    ]


class KeyList(ListBody[Key], kw_only=True):
    """A page of the API keys, newest first."""


def keys_router(use: UseCases, signed_in: BeforeRequestHookHandler) -> Router:
    @post(
        "/",
        summary="Make an API key",
        responses=responses(*WITH_SCOPE, InvalidInput, TooManyAttempts, *BODY, *ONCE),
    )
    async def create_key(
        request: Request[Caller, Any, Any], data: JSONBody[NewKey]
    ) -> KeyWithSecret:
        """Make an API key with some of the caller's scopes. It is good everywhere within a second."""
        key, secret = await use.access.create_key(
            name=data.name, scopes=data.scopes, expires_at=data.expires_at, caller=request.user
        )
        return KeyWithSecret(**msgspec.structs.asdict(Key.of(key)), key=secret)

    @get(
        "/",
        operation_class=ListOperation,
        summary="List API keys",
        responses=responses(*WITH_SCOPE, InvalidInput),
    )
    async def list_keys(request: Request[Caller, Any, Any]) -> KeyList:
        """The API keys, newest first: expired ones too, revoked ones not."""
        page = await use.access.list_keys(**list_query(request), caller=request.user)
        return KeyList.of(page, Key.of)

    @delete(
        "/{key_id:uuid}",
        summary="Revoke an API key",
        responses=responses(*WITH_SCOPE, KeyNotFound, AddressNotFound, OutcomeUnknown),
    )
    async def revoke_key(request: Request[Caller, Any, Any], key_id: FromPath[UUID]) -> None:
        """Make an API key worthless for good, everywhere within a second."""
        await use.access.revoke_key(key_id=KeyId(key_id), caller=request.user)

    return Router(
        "/keys",
        route_handlers=[create_key, list_keys, revoke_key],
        before_request=signed_in,
        security=CALLER,
        tags=["API keys"],
    )

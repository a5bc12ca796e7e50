"""What a webhook endpoint looks like."""

from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from referral.domain.webhooks import endpoint as rules
from referral.domain.webhooks.endpoint import EndpointStatus
from referral.domain.webhooks.message import PATTERNS
from referral.entrypoints.http.api.shapes import PRINTABLE, Body, Instant
from referral.entrypoints.http.request.paging import ListBody

Url = Annotated[
    str,
    Meta(
        description="an https address on the internet",
        extra_json_schema={
            "maxLength": rules.MAX_URL,
            "pattern": f"^{rules.URL_SHAPE}$",
        },
        examples=["https://shop.example.org/hooks"],
    ),
]
Events = Annotated[
    list[Annotated[str, Meta(extra_json_schema={"enum": [*PATTERNS]})]],
    Meta(
        description="what it hears of: types of messages, or all of a subject, as `reward.*`",
        extra_json_schema={"minItems": 1},
        examples=[["referral.*", "code.issued"]],
    ),
]
Description = Annotated[
    str,
    Meta(
        description="1 to 200 printable characters, no blanks at its ends",
        extra_json_schema={
            "minLength": 1,
            "maxLength": rules.MAX_DESCRIPTION,
            "pattern": PRINTABLE,
        },
        examples=["the shop's loyalty points"],
    ),
]
Status = Annotated[
    str,
    Meta(
        description="a disabled endpoint is sent nothing, and misses what happens meanwhile",
        extra_json_schema={"enum": [*EndpointStatus]},
    ),
]


class NewEndpoint(Body):
    """Where messages are to be sent to, and which."""

    url: Url
    events: Events
    description: Description | None = None


class EndpointChange(Body):
    """What is to be another way; null takes the description away."""

    url: Url | UnsetType = UNSET
    events: Events | UnsetType = UNSET
    description: Description | UnsetType | None = UNSET
    status: Status | UnsetType = UNSET


class Endpoint(msgspec.Struct, kw_only=True):
    """A webhook endpoint, without its secret."""

    id: UUID
    url: Url
    events: Events
    description: Description | None
    status: Status
    disabled_because: Annotated[str | None, Meta(description="a sentence; null while it is active")]
    created_at: Instant

    @classmethod
    def of(cls, endpoint: rules.Endpoint) -> "Endpoint":
        return cls(
            id=endpoint.id,
            url=endpoint.url,
            events=[*endpoint.events],
            description=endpoint.description,
            status=endpoint.status.value,
            disabled_because=endpoint.disabled_because,
            created_at=endpoint.created_at,
        )


class EndpointWithSecret(Endpoint, kw_only=True):
    """A webhook endpoint and its new secret."""

    secret: Annotated[
        str,
        Meta(
            description="signs what is sent there, after Standard Webhooks 1.0; it is shown this once",
            extra_json_schema={"pattern": "^whsec_[0-9A-Za-z+/]{43}=$"},
        ),
    ]

    @classmethod
    def with_secret(cls, endpoint: rules.Endpoint, secret: str) -> "EndpointWithSecret":
        return cls(**msgspec.structs.asdict(Endpoint.of(endpoint)), secret=secret)


class EndpointList(ListBody[Endpoint], kw_only=True):
    """A page of the webhook endpoints, newest first."""

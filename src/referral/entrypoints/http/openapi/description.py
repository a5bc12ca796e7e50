"""The service's own description: what Litestar derives from the handlers, made complete."""

from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Litestar, Router
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import (
    Components,
    OAuthFlow,
    OAuthFlows,
    SecurityScheme,
)
from litestar.routes import HTTPRoute

from referral.entrypoints.http.middleware.idempotency import KEY, SHAPE
from referral.entrypoints.http.openapi.terms import terms_schema
from referral.entrypoints.http.problems.problem import MEDIA_TYPE, Problem
from referral.entrypoints.http.request.body import FORM, NDJSON, StrictBody

SCHEMA = "#/components/schemas/{name}"
TOKEN_PATH = "/api/v1/auth/token"  # noqa: S105  an address


def describe(
    api: Router,
    version: str,
    messages: Callable[[str], tuple[dict[str, Any], dict[str, Any]]],
) -> dict[str, Any]:
    """The OpenAPI 3.1 document of the routes under `api`, and of the messages to webhook endpoints."""
    config = OpenAPIConfig(
        title="Referral service",
        version=version,
        description=(
            "People register, alone or with someone's referral code, issue a code of their own,"
            " and see who signed up with it. A server enrols its own people and tells what they do; the"
            " terms of programs say which rewards follow.\n\nWhat is refused is answered with a problem"
            " (RFC 9457) and changes nothing, but that a refresh token which was used before ends all tokens of its"
            " log-in. The problem `outcome-unknown` alone says that it is not known whether something changed."
        ),
        components=Components(
            security_schemes={
                "bearer": SecurityScheme(type="http", scheme="bearer", bearer_format="JWT"),
                "key": SecurityScheme(
                    type="http",
                    scheme="bearer",
                    bearer_format="rk_…",
                    description="an API key, which a server calls with",
                ),
                "password": SecurityScheme(
                    type="oauth2",
                    flows=OAuthFlows(
                        password=OAuthFlow(token_url=TOKEN_PATH, refresh_url=TOKEN_PATH, scopes={})
                    ),
                ),
            }
        ),
        use_handler_docstrings=True,
        operation_id_creator=lambda handler, _, __: handler.handler_name,
        render_plugins=[JsonRenderPlugin()],
    )
    # An application of its own: Litestar serves its own pages wherever it describes itself.
    described = Litestar([api], openapi_config=config, dto=StrictBody, return_dto=None)
    document: dict[str, Any] = described.openapi_schema.to_schema()
    _, schemas = msgspec.json.schema_components(
        dict.fromkeys([Problem, *_bodies(described)]),
        ref_template=SCHEMA,
    )
    document["webhooks"], told = messages(SCHEMA)
    # msgspec knows what each field may hold. Routes come in any order, and the document is to be the same each time.
    schemas = dict(sorted({**told, **schemas, "Terms": terms_schema()}.items()))
    document["components"]["schemas"] = schemas
    schemas["TokenRequest"]["anyOf"] = _grants(named=False)
    for item in document["paths"].values():
        for method, operation in item.items():
            _complete(operation)
            if method == "post":
                operation.setdefault("parameters", []).append(_IDEMPOTENCY_KEY)
    of_terms = document["paths"]["/api/v1/programs/{slug}/terms"]["post"]["requestBody"]
    of_terms["content"]["application/json"]["schema"] = {"$ref": "#/components/schemas/Terms"}
    document["paths"]["/api/v1/events/batch"]["post"]["requestBody"] = {
        "description": "up to 1,000 lines, each an event, and 1 MiB in all",
        "required": True,
        "content": {NDJSON: {"schema": {"$ref": "#/components/schemas/NewEvent"}}},
    }
    for path, form in (
        ("token", {**_as_form(schemas["TokenRequest"]), "anyOf": _grants(named=True)}),
        ("revoke", _as_form(schemas["RevocationRequest"])),
    ):
        bodies = document["paths"][f"/api/v1/auth/{path}"]["post"]["requestBody"]["content"]
        bodies[FORM] = {"schema": form}
    return document


def _bodies(app: Litestar) -> Iterator[type]:
    """What is sent to the handlers, and what they answer with."""
    for route in app.routes:
        for handler in route.route_handlers if isinstance(route, HTTPRoute) else ():
            for field in (handler.parsed_data_field, handler.parsed_return_field):
                for kind in (field, *field.inner_types) if field else ():  # a Response holds one
                    if kind.is_subclass_of(msgspec.Struct):
                        yield kind.annotation


def _grants(*, named: bool) -> list[dict[str, Any]]:
    """What each grant consists of, which a flat struct does not tell; with its name, or that may be left out."""
    return [
        {
            "title": grant_type,
            "properties": {
                "grant_type": {"enum": [grant_type] if named else [grant_type, None]},
                **{name: {"type": "string"} for name in parameters},
            },
            "required": ["grant_type", *parameters] if named else parameters,
        }
        for grant_type, parameters in (
            ("password", ["username", "password"]),
            ("refresh_token", ["refresh_token"]),
        )
    ]


def _as_form(schema: dict[str, Any]) -> dict[str, Any]:
    """The same as a form, whose values are text and which may have other parameters (RFC 6749 §3.2)."""
    texts = {}
    for name, described in schema["properties"].items():
        text, *_null = described.get("anyOf", [{}])
        texts[name] = {**described, **text}
        texts[name].pop("anyOf", None)
        texts[name].pop("default", None)
    return {**schema, "properties": texts, "additionalProperties": {"type": "string"}}


def _complete(operation: dict[str, Any]) -> None:
    # Litestar adds an answer of its own to an operation with parameters, which none of ours gives.
    responses = operation["responses"] = {
        status: response
        for status, response in operation["responses"].items()
        if status < "400" or MEDIA_TYPE in response["content"]
    }
    for status, response in responses.items():
        if status < "400":
            response["description"] = HTTPStatus(int(status)).phrase
        if header := _HEADERS.get(status):
            name, description, kind = header
            response["headers"] = {
                name: {"description": description, "required": True, "schema": {"type": kind}}
            }
        for media_type in response.get("content", {}).values():
            for example in media_type.get("examples", {}).values():
                example.pop("id", None)


_IDEMPOTENCY_KEY = {
    "name": KEY,
    "in": "header",
    "description": "a UUID, say: within 24 hours a call that is repeated with it is done once, and gets the first answer",
    "schema": {"type": "string", "pattern": f"^{SHAPE}$"},
}
_HEADERS = {
    "401": ("WWW-Authenticate", "how to prove who calls (RFC 6750)", "string"),
    "429": ("Retry-After", "seconds to wait", "integer"),
    "503": ("Retry-After", "seconds to wait", "integer"),
}

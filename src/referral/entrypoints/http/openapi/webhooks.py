"""What the description says of the messages that are sent to webhook endpoints."""

from typing import Any

import msgspec

from referral.domain.webhooks.message import MessageType
from referral.entrypoints.http.api.messages import MESSAGES, Described

_HEADERS = {
    "webhook-id": "that of the message, the same at every attempt",
    "webhook-timestamp": "when it was sent, in seconds since 1970",
    "webhook-signature": "`v1,` and a signature, and another one for 24 hours after the secret was rotated",
}


def described_messages(ref_template: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The member `webhooks` of an OpenAPI document, and the schemas that it refers to."""
    kinds = [described.data for described in MESSAGES.values()]
    _, schemas = msgspec.json.schema_components(dict.fromkeys(kinds), ref_template=ref_template)
    return {kind.value: {"post": _sent(kind, it)} for kind, it in MESSAGES.items()}, schemas


def _sent(kind: MessageType, described: Described) -> dict[str, Any]:
    name = described.data.__name__
    example = {"type": kind.value, "timestamp": "2030-10-10T12:00:00Z", "data": described.example}
    return {
        "operationId": f"on_{kind.value.replace('.', '_')}",
        "summary": described.sent_when,
        "description": f"{described.data.__doc__}\n\nSent and signed after Standard Webhooks 1.0.",
        "tags": ["Webhooks"],
        "parameters": [
            {
                "name": header,
                "in": "header",
                "required": True,
                "description": about,
                "schema": {"type": "string"},
            }
            for header, about in _HEADERS.items()
        ],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {
                        "type": "object",
                        "properties": {
                            "type": {"const": kind.value},
                            "timestamp": {
                                "type": "string",
                                "format": "date-time",
                                "description": "when it happened",
                            },
                            "data": {"$ref": f"#/components/schemas/{name}"},
                        },
                        "required": ["type", "timestamp", "data"],
                    },
                    "example": example,
                }
            },
        },
        "responses": {
            "2XX": {"description": "The message was taken."},
            "410": {"description": "The endpoint is gone, and is disabled."},
            "default": {"description": "The message is sent again later."},
        },
    }

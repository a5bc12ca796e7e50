from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Response
from litestar.types import HTTPResponseStartEvent, Receive, Scope, Send

_encode = msgspec.json.Encoder().encode


class JsonResponse(Response[Any]):
    """What msgspec makes of a handler's answer, with no cookies, headers or encoders of its own to look up."""

    __slots__ = ()

    def __init__(self, content: Any, *, status_code: int, **_: object) -> None:
        self.content = content
        self.status_code = status_code

    def to_asgi_response(self, **_: object) -> "JsonResponse":  # type: ignore[override]
        return self

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        headers: list[tuple[bytes, bytes]] = []
        body = b""
        if self.content is not None:
            body = _encode(self.content)
            headers.append((b"content-type", b"application/json"))
        if self.status_code != HTTPStatus.NO_CONTENT:  # RFC 9110 §8.6: then it is not allowed
            headers.append((b"content-length", b"%d" % len(body)))
        start: HTTPResponseStartEvent = {
            "type": "http.response.start",
            "status": self.status_code or HTTPStatus.OK,
            "headers": headers,
        }
        await send(start)
        await send({"type": "http.response.body", "body": body, "more_body": False})

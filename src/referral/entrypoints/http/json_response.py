from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Response
from litestar.types import HTTPResponseStartEvent, Receive, Scope, Send

_encode = msgspec.json.Encoder().encode


def _refuse(more: object) -> None:
    if more:
        raise TypeError("A handler that sets more than the content returns a Response.")


class JsonResponse(Response[Any]):
    """What msgspec makes of a handler's answer; nothing else of a route is looked up, which takes most of the time.

    Raises TypeError for a route with headers, cookies or a background task: its handler has to return a `Response`.
    """

    __slots__ = ()

    def __init__(
        self, content: Any, *, status_code: int, background: object = None, **_: object
    ) -> None:
        _refuse(background)
        self.content = content
        self.status_code = status_code

    def to_asgi_response(  # type: ignore[override]
        self, *, headers: object = None, cookies: object = None, **_: object
    ) -> "JsonResponse":
        _refuse(headers or cookies)
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

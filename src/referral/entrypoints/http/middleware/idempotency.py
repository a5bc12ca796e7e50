import re
from collections.abc import Awaitable, Callable

import msgspec
from litestar.types import (
    HTTPRequestEvent,
    HTTPResponseStartEvent,
    HTTPScope,
    Message,
    Receive,
    ReceiveMessage,
    Send,
)

from referral.application.access.once import Answer, Once
from referral.domain.errors import ReferralError, Violation
from referral.entrypoints.http.middleware import HttpApp
from referral.entrypoints.http.problems.answers import refuse
from referral.entrypoints.http.problems.types import HttpError, MalformedRequest

KEY = "Idempotency-Key"
SHAPE = (
    r"[!-~]{1,255}"  # printable characters; quotation marks of a structured field are part of it
)
REPLAYED = (b"idempotency-replayed", b"true")

_KEY = KEY.lower().encode()


class _Response(msgspec.Struct, array_like=True):
    """What an application answered, to be sent again."""

    route: str
    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


class Idempotency:
    """Does a POST that comes with an `Idempotency-Key` once (draft-ietf-httpapi-idempotency-key-header).

    A repeated one gets the first answer again. `caller_of` names who calls, or raises what the caller is refused with.
    """

    def __init__(
        self, app: HttpApp, once: Once, caller_of: Callable[[HTTPScope], Awaitable[str]]
    ) -> None:
        self.app = app
        self._once = once
        self._caller_of = caller_of

    def __call__(self, scope: HTTPScope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["method"] == "POST":
            keys = [value for name, value in scope["headers"] if name == _KEY]
            if keys:
                return self._answer(keys, scope, receive, send)
        return self.app(scope, receive, send)

    async def _answer(
        self, keys: list[bytes], scope: HTTPScope, receive: Receive, send: Send
    ) -> None:
        try:
            answer = await self._call_once(keys, scope, receive)
        except (ReferralError, HttpError) as error:
            await refuse(error, scope, send)
            return
        response = msgspec.msgpack.decode(answer.content, type=_Response)
        scope["path_template"] = response.route
        start: HTTPResponseStartEvent = {
            "type": "http.response.start",
            "status": response.status,
            "headers": [*response.headers, *([REPLAYED] if answer.repeated else [])],
        }
        await send(start)
        await send({"type": "http.response.body", "body": response.body, "more_body": False})

    async def _call_once(self, keys: list[bytes], scope: HTTPScope, receive: Receive) -> Answer:
        key = keys[0].decode("latin-1")
        if len(keys) > 1 or not re.fullmatch(SHAPE, key):
            raise MalformedRequest(
                "An idempotency key has 1 to 255 printable characters.",
                Violation("Send one key, such as a UUID.", KEY),
            )
        caller = await self._caller_of(scope)  # first, for who may send a large body
        message = await receive()
        body = message["body"] if message["type"] == "http.request" else b""
        request = [scope["method"], scope["path"], scope["query_string"], body]
        return await self._once(
            caller=caller,
            key=key,
            request=msgspec.msgpack.encode(request),
            call=lambda: self._call(scope, body, receive),
        )

    async def _call(self, scope: HTTPScope, body: bytes, receive: Receive) -> Answer:
        response = _Response("", 0, [], b"")
        is_read = False

        async def receiving() -> ReceiveMessage:
            nonlocal is_read
            if is_read:
                return await receive()
            is_read = True
            event: HTTPRequestEvent = {"type": "http.request", "body": body, "more_body": False}
            return event

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                response.status, response.headers = message["status"], [*message["headers"]]
            elif message["type"] == "http.response.body":
                response.body += message["body"]

        await self.app(scope, receiving, sending)
        response.route = scope.get("path_template") or ""
        return Answer(msgspec.msgpack.encode(response), done=200 <= response.status < 300)  # noqa: PLR2004

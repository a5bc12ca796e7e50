"""What happens to every request, whichever handler it is for."""

import itertools
import time
from functools import cache
from secrets import token_hex

import structlog
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, ReceiveMessage, Scope, Send
from prometheus_client import Counter, Histogram

from referral.entrypoints.http.health import REQUESTS, SECONDS
from referral.entrypoints.http.problems import WHICH_METHODS

log = structlog.get_logger()

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
]
_CACHE_CONTROL = b"cache-control"
_NOT_STORED = [*_HEADERS, (_CACHE_CONTROL, b"no-store")]


class Edge:
    """Answers HEAD as GET without the body, has OPTIONS answered, adds the headers that all answers have, counts and logs.

    The log and the counts name the route, not the path: a path can hold a code or an e-mail address.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        # Unlike any other process's, and no system call for each.
        self.request_ids = map(f"{token_hex(8)}{{:016x}}".format, itertools.count())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        request_id = scope["request_id"] = next(self.request_ids)  # type: ignore[typeddict-unknown-key]
        method = scope["method"]
        head = method == "HEAD"
        if head:
            scope["method"] = "GET"
        elif method == "OPTIONS":
            # Litestar's own answer misses some of the methods; where it refuses one, it lists all.
            scope["method"] = WHICH_METHODS  # type: ignore[typeddict-item]
        status = 0
        body_is_read = False

        async def receiving() -> ReceiveMessage:
            nonlocal body_is_read
            message = await receive()
            body_is_read = not message.get("more_body")
            return message

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [
                    *message["headers"],
                    *(_HEADERS if _CACHE_CONTROL in dict(message["headers"]) else _NOT_STORED),
                    (b"x-request-id", request_id.encode()),
                ]
                # granian may close the connection then, and a client has to know (RFC 9112 §9.6).
                if not body_is_read and _has_body(scope):
                    headers.append((b"connection", b"close"))
                message["headers"] = headers
            elif head and message["type"] == "http.response.body":
                message["body"] = b""
            await send(message)

        try:
            await self.app(scope, receiving, sending)
        finally:
            seconds = time.perf_counter() - started
            route = scope.get("path_template") or "none"
            # A caller can make up methods, and each label is a counter for ever.
            count, duration = _meters(method if method in METHODS else "other", route, status)
            count.inc()
            duration.observe(seconds)
            log.info(
                "request",
                request_id=request_id,
                method=method,
                route=route,
                status=status,
                ms=round(seconds * 1000, 1),
            )


def _has_body(scope: HTTPScope) -> bool:
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value != b"0")
        for name, value in scope["headers"]
    )


@cache
def _meters(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    return REQUESTS.labels(method, route, status), SECONDS.labels(route)

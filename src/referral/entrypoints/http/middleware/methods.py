from collections.abc import Awaitable

from litestar.types import HTTPScope, Message, Receive, Send

from referral.entrypoints.http.middleware import HttpApp
from referral.entrypoints.http.problems.answers import WHICH_METHODS


class Methods:
    """Answers HEAD as GET without the body (RFC 9110 §9.3.2), and has OPTIONS answered."""

    def __init__(self, app: HttpApp) -> None:
        self.app = app

    def __call__(self, scope: HTTPScope, receive: Receive, send: Send) -> Awaitable[None]:
        method = scope["method"]
        if method == "HEAD":
            scope["method"] = "GET"
            return self.app(scope, receive, _without_body(send))
        if method == "OPTIONS":
            # Litestar's own answer misses some of the methods; where it refuses one, it lists all.
            scope["method"] = WHICH_METHODS  # type: ignore[typeddict-item]
        return self.app(scope, receive, send)


def _without_body(send: Send) -> Send:
    def sending(message: Message) -> Awaitable[None]:
        if message["type"] == "http.response.body":
            message["body"] = b""
        return send(message)

    return sending

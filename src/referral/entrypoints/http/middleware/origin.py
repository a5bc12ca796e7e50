"""Where a call comes from, for the audit log; it is found out only when there is something to record."""

from collections.abc import Awaitable, Callable

from litestar.types import HTTPScope, Receive, Send

from referral.application.audit import ORIGIN
from referral.entrypoints.http.middleware import HttpApp


class Origin:
    """Lets what is recorded tell the call's id, as in its line of the log, and the address it came from."""

    def __init__(self, app: HttpApp, address_of: Callable[[HTTPScope], str]) -> None:
        self.app = app
        self._address_of = address_of

    def __call__(self, scope: HTTPScope, receive: Receive, send: Send) -> Awaitable[None]:
        ORIGIN.set(
            lambda: {
                "request_id": scope["request_id"],  # type: ignore[typeddict-item]
                "client_address": self._address_of(scope),
            }
        )
        return self.app(scope, receive, send)

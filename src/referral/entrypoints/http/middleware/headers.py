from collections.abc import Awaitable

from litestar.types import HTTPScope, Message, Receive, Send

from referral.application.access.quotas import Quota
from referral.entrypoints.http.middleware import HttpApp

_ALWAYS = [(b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer")]
_CACHE_CONTROL = b"cache-control"
_NOT_STORED = [*_ALWAYS, (_CACHE_CONTROL, b"no-store")]


class Headers:
    """Adds the headers that all answers have; what may be kept in a cache says so itself."""

    def __init__(self, app: HttpApp) -> None:
        self.app = app

    def __call__(self, scope: HTTPScope, receive: Receive, send: Send) -> Awaitable[None]:
        def sending(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                headers = list(message["headers"])
                headers += _ALWAYS if _CACHE_CONTROL in dict(headers) else _NOT_STORED
                if "quota" in scope:
                    headers += _quota_fields(scope["quota"])  # type: ignore[typeddict-item]
                message["headers"] = headers
            return send(message)

        return self.app(scope, receive, sending)


def _quota_fields(quota: Quota) -> list[tuple[bytes, bytes]]:
    """What a key may do and has left (draft-ietf-httpapi-ratelimit-headers-10)."""
    window = int(quota.limit.window.total_seconds())
    return [
        (b"ratelimit-policy", b'"key";q=%d;w=%d' % (quota.limit.hits, window)),
        (b"ratelimit", b'"key";r=%d;t=%d' % (quota.remaining, quota.resets_in)),
    ]

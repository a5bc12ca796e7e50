"""What is kept of every request: a line in the log and two counts, under an id that its answer carries too."""

import os
import random
import time
from collections.abc import Awaitable
from functools import cache
from secrets import token_bytes

import structlog
from litestar.types import HTTPScope, Message, Receive, Send
from prometheus_client import Counter, Histogram

from referral.entrypoints.http.api.health import REQUESTS, SECONDS
from referral.entrypoints.http.middleware import HttpApp
from referral.entrypoints.http.problems.answers import refuse_unexpected

log = structlog.get_logger()

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


class AccessLog:
    """Logs and counts what was answered, and puts an id on it; what nobody has answered it refuses with a problem.

    The log and the counts name the route, not the path: a path can hold a code or an e-mail address.
    """

    def __init__(self, app: HttpApp) -> None:
        self.app = app
        # No system call for each id, and none tells how many there were before it.
        self._random_bits = random.Random(token_bytes(32)).getrandbits  # noqa: S311  no secret

    async def __call__(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        request_id = scope["request_id"] = f"{self._random_bits(128):032x}"  # type: ignore[typeddict-unknown-key]
        # A caller can make up methods: each would be a counter for good, and a line of the log as long as they like.
        method = scope["method"] if scope["method"] in METHODS else "other"
        status = 0

        def sending(message: Message) -> Awaitable[None]:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message["headers"],
                    (b"x-request-id", request_id.encode()),
                ]
            return send(message)

        try:
            await self.app(scope, receive, sending)
        except Exception as error:
            if status:
                raise  # the server cuts what was begun
            try:
                await refuse_unexpected(error, scope, sending)
            except MemoryError:
                # Not even for this: a worker that takes this one's place has memory again.
                os._exit(1)
        finally:
            seconds = time.perf_counter() - started
            route = scope.get("path_template") or "none"
            count, duration = _meters(method, route, status)
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


@cache
def _meters(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    return REQUESTS.labels(method, route, status), SECONDS.labels(route)

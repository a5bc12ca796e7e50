import asyncio
import random
from collections.abc import Awaitable, Callable, Container

from litestar.types import HTTPRequestEvent, HTTPScope, Message, Receive, ReceiveMessage, Send

from referral.entrypoints.http.middleware import HttpApp
from referral.entrypoints.http.problems.answers import refuse
from referral.entrypoints.http.problems.types import BodyTooLarge, BodyTooSlow, MalformedRequest
from referral.entrypoints.http.request.body import MAX_BATCH, MAX_BODY

PATIENCE_SECONDS = 10.0
IMPATIENCE_SECONDS = 2.0
HURRY_SECONDS = 1.0  # once the service stops
AWAITED = 20  # bodies from one address, on one worker; more of them are given less time


class Bodies:
    """Waits for bodies, but not without end; a body comes to the application whole.

    The application's `receive` raises BodyTooSlow for one that is not there in time, MalformedRequest for one that is
    cut off or cannot be read, and BodyTooLarge. A client whose body was not read is told that the connection ends: the
    server closes it then (RFC 9112 §9.6).
    """

    def __init__(
        self, app: HttpApp, address_of: Callable[[HTTPScope], str], takes_batches: Container[str]
    ) -> None:
        """At the addresses that take batches, a body may be larger, of those who said who they are."""
        self.app = app
        self._address_of = address_of
        self._takes_batches = takes_batches
        self._awaited: dict[str, int] = {}
        self._waits: set[asyncio.Timeout] = set()
        self._is_hurried = False

    def hurry(self) -> None:
        """Wait for no body longer than HURRY_SECONDS from now on."""
        self._is_hurried = True
        soon = asyncio.get_running_loop().time() + HURRY_SECONDS
        for wait in self._waits:
            wait.reschedule(soon)

    def __call__(self, scope: HTTPScope, receive: Receive, send: Send) -> Awaitable[None]:
        if not _has_body(scope):
            return self.app(scope, receive, send)
        is_read = False

        async def receiving() -> ReceiveMessage:
            nonlocal is_read
            if is_read:
                return await receive()
            is_batch = "user" in scope and scope["path"] in self._takes_batches
            limit = MAX_BATCH if is_batch else MAX_BODY
            body = await self._whole_body(self._address_of(scope), receive, limit)
            is_read = True
            event: HTTPRequestEvent = {"type": "http.request", "body": body, "more_body": False}
            return event

        def sending(message: Message) -> Awaitable[None]:
            if not is_read and message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"connection", b"close")]
            return send(message)

        codings = [value for name, value in scope["headers"] if name == b"transfer-encoding"]
        if codings and [coding.lower() for coding in codings] != [b"chunked"]:
            # Someone before us may see its end elsewhere (RFC 9112 §6.1); nothing is read after it.
            return refuse(
                MalformedRequest("Send the body with one length or in chunks."), scope, sending
            )
        return self.app(scope, receiving, sending)

    async def _whole_body(self, address: str, receive: Receive, limit: int) -> bytes:
        awaited = self._awaited.get(address, 0)
        self._awaited[address] = awaited + 1
        body = bytearray()
        wait = asyncio.timeout(self._patience(awaited))
        try:
            async with wait:
                self._waits.add(wait)
                more = True
                while more:
                    message = await receive()
                    if message["type"] != "http.request":
                        raise MalformedRequest("The body is cut off, or cannot be read.")
                    body += message["body"]
                    more = message["more_body"]
                    if len(body) > limit:
                        raise BodyTooLarge
        except TimeoutError:
            raise BodyTooSlow from None
        finally:
            self._waits.discard(wait)
            self._awaited[address] -= 1
            if not self._awaited[address]:
                del self._awaited[address]
        return bytes(body)

    def _patience(self, awaited: int) -> float:
        if self._is_hurried:
            return HURRY_SECONDS
        # Not the same for all: those who came together would all be refused in one moment.
        longest = PATIENCE_SECONDS if awaited < AWAITED else IMPATIENCE_SECONDS
        return random.uniform(longest / 2, longest)  # noqa: S311  no secret


def _has_body(scope: HTTPScope) -> bool:
    for name, value in scope["headers"]:  # quicker than any(), and every request pays for it
        if name == b"transfer-encoding" or (name == b"content-length" and value != b"0"):
            return True
    return False

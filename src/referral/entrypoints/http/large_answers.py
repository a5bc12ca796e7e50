"""Answers of many kilobytes, which are sent in pieces to each reader, however slow."""

import asyncio
import gzip
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from litestar import Request, Response
from litestar.types import HTTPResponseStartEvent, Receive, Scope, Send

PIECE = 8_192  # bytes; the server keeps some five for a reader that takes nothing
SEND_SECONDS = 60


class Large:
    """Bytes that are made once, when they are first asked for, and kept, plain and compressed.

    They are made in a thread: it may take longer than others should wait.
    """

    def __init__(self, make: Callable[[], bytes], media_type: str, cache_control: bytes) -> None:
        self._make = make
        self._making = asyncio.Lock()
        self._kept: dict[bool, bytes] = {}
        self._headers = [
            (b"content-type", media_type.encode()),
            (b"cache-control", cache_control),
            (b"vary", b"accept-encoding"),
        ]

    async def to(self, request: Request[Any, Any, Any]) -> "InPieces":
        """The answer to this request, compressed if the reader takes that (RFC 9110 §12.5.3)."""
        async with self._making:
            if not self._kept:
                self._kept = await asyncio.to_thread(self._both)
        compressed = _takes_gzip(request.headers.get("accept-encoding", ""))
        headers = [*self._headers, (b"content-encoding", b"gzip")] if compressed else self._headers
        return InPieces(self._kept[compressed], headers)

    def _both(self) -> dict[bool, bytes]:
        plain = self._make()
        return {False: plain, True: gzip.compress(plain)}


def _takes_gzip(accepted: str) -> bool:
    for coding in accepted.lower().split(","):
        name, _, quality = coding.partition(";")
        if name.strip() == "gzip":
            return quality.replace(" ", "").rstrip(".0") != "q="
    return False


class InPieces(Response[Any]):
    """Bytes of which a reader is sent a piece when it has taken those before."""

    __slots__ = ("_headers",)

    def __init__(self, content: bytes, headers: list[tuple[bytes, bytes]]) -> None:
        self.content = content
        self._headers = headers

    def to_asgi_response(self, **_: object) -> "InPieces":  # type: ignore[override]
        return self

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        size = len(self.content)
        start: HTTPResponseStartEvent = {
            "type": "http.response.start",
            "status": 200,
            "headers": [*self._headers, (b"content-length", b"%d" % size)],
        }
        await send(start)
        left = asyncio.ensure_future(_disconnected(receive))
        # Neither does anything more than return: the server closes a connection whose answer ends too early.
        with suppress(TimeoutError):
            async with asyncio.timeout(SEND_SECONDS):
                for at in range(0, size, PIECE):
                    if left.done():
                        break
                    piece = self.content[at : at + PIECE]
                    more = at + PIECE < size
                    await send({"type": "http.response.body", "body": piece, "more_body": more})
                    await asyncio.sleep(0)  # a server with room for it does not let others in
        left.cancel()


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass

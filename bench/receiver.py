"""A receiver of webhooks in a process of its own, which takes a message in a few microseconds and knows how late each came."""

import asyncio
import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import uvloop

ANSWERS = {
    b"/good": (0.0, b"204 No Content"),
    b"/slow": (1.0, b"204 No Content"),
    b"/broken": (0.0, b"500 Oops"),
}


@dataclass(frozen=True)
class Receiver:
    """It answers at `/good` at once, at `/slow` after a second, at `/broken` with 500, and at `/hangs` never."""

    address: str

    def good(self) -> Sequence[tuple[float, float]]:
        """When each message arrived at `/good`, and how many seconds after what it tells."""
        return cast("list[tuple[float, float]]", self._get("/arrived"))

    def count(self) -> int:
        """How many arrived there."""
        return cast("int", self._get("/count"))

    def _get(self, path: str) -> object:
        with urllib.request.urlopen(self.address + path) as answer:  # noqa: S310  our own
            return json.load(answer)


@contextmanager
def receiving() -> Iterator[Receiver]:
    with subprocess.Popen(
        [sys.executable, "-m", "bench.receiver"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield Receiver(f"http://127.0.0.1:{int(process.stdout.readline())}")
        finally:
            process.kill()


class _Wire(asyncio.Protocol):
    """HTTP/1.1 as far as the sender speaks it."""

    def __init__(self, arrived: list[tuple[float, float]]) -> None:
        self._arrived, self._read = arrived, b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._read += data
        while (end := self._read.find(b"\r\n\r\n")) >= 0:
            head = self._read[:end].lower()
            _, found, length = head.partition(b"content-length: ")
            whole = end + 4 + (int(length.split(b"\r\n", 1)[0]) if found else 0)
            if len(self._read) < whole:
                return
            body, self._read = self._read[end + 4 : whole], self._read[whole:]
            self._take(head.split(b" ", 2)[1], body)

    def _take(self, path: bytes, body: bytes) -> None:
        if path in {b"/arrived", b"/count"}:
            told = self._arrived if path == b"/arrived" else len(self._arrived)
            content = json.dumps(told).encode()
            self._answer(
                b"200 OK\r\nContent-Length: %d\r\nConnection: close" % len(content), content
            )
            self._transport.close()
            return
        if path == b"/good":
            now = time.time()
            told_at = datetime.fromisoformat(json.loads(body)["timestamp"]).timestamp()
            self._arrived.append((now, now - told_at))
        if path in ANSWERS:
            seconds, status = ANSWERS[path]
            head = status + (b"" if status.startswith(b"204") else b"\r\nContent-Length: 0")
            asyncio.get_running_loop().call_later(seconds, self._answer, head, b"")

    def _answer(self, head: bytes, content: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(b"HTTP/1.1 " + head + b"\r\n\r\n" + content)


async def _serve() -> None:
    arrived: list[tuple[float, float]] = []
    server = await asyncio.get_running_loop().create_server(lambda: _Wire(arrived), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve())

"""Load on a server: by wrk where it is installed, else, and for calls that follow from one another, by asyncio."""

import asyncio
import itertools
import math
import re
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import urlsplit

CONNECTIONS = 16


@dataclass
class Load:
    """What was asked within some seconds, and how long the answers took."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds


class Read(NamedTuple):
    path: str
    token: str | None


class Answer(NamedTuple):
    status: int
    body: bytes
    stays_open: bool


def request(
    method: str, path: str, token: str | None = None, body: bytes = b"", key: str = ""
) -> bytes:
    authorization = f"Authorization: Bearer {token}\r\n" if token else ""
    idempotency = f"Idempotency-Key: {key}\r\n" if key else ""
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{authorization}{idempotency}"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def connect(
    address: str, source: str = "127.0.0.1"
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection from one of this machine's own addresses, 127.0.0.0/8."""
    place = urlsplit(address)
    return await asyncio.open_connection(place.hostname, place.port, local_addr=(source, 0))


async def answer(reader: asyncio.StreamReader) -> Answer:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = re.search(rb"\r\ncontent-length: (\d+)", head)
    body = await reader.readexactly(int(length[1])) if length else b""
    return Answer(int(head[9:12]), body, b"\r\nconnection: close" not in head)


class Call(NamedTuple):
    """One HTTP connection: `await call(method, path, token, body)` gives status and body."""

    base: str
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    seconds: list[float]

    async def __call__(
        self, method: str, path: str, token: str | None = None, body: bytes = b""
    ) -> tuple[int, bytes]:
        started = time.perf_counter()
        self.writer.write(request(method, self.base + path, token, body))
        status, content, _ = await answer(self.reader)
        self.seconds.append(time.perf_counter() - started)
        return status, content


Player = Callable[[Call], Awaitable[None]]
"""Makes one or more calls on a connection; raises when an answer is not as expected."""


async def play(
    address: str, player: Player, seconds: float, connections: int = CONNECTIONS
) -> Load:
    """Have the player play on every connection, again and again."""
    taken: list[float] = []
    async with connected(address, connections, taken) as calls:
        started = time.perf_counter()

        async def again_and_again(call: Call) -> None:
            while time.perf_counter() - started < seconds:
                await player(call)

        await asyncio.gather(*map(again_and_again, calls))
        took = time.perf_counter() - started
    cuts = statistics.quantiles(taken, n=100)
    return Load(len(taken), took, cuts[49] * 1000, cuts[98] * 1000)


@asynccontextmanager
async def connected(
    address: str, connections: int, seconds: list[float]
) -> AsyncIterator[list[Call]]:
    """So many connections; how long each call takes is added to `seconds`."""
    place = urlsplit(address)
    calls = []
    for _ in range(connections):
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        calls.append(Call(place.path, reader, writer, seconds))
    try:
        yield calls
    finally:
        for call in calls:
            call.writer.close()


async def read(address: str, reads: Sequence[Read], seconds: float) -> Load:
    """Ask one after the other, again and again, on every connection; every answer must be 200."""
    if shutil.which("wrk"):
        return await asyncio.to_thread(_wrk, address, reads, seconds)

    these = itertools.cycle(reads)

    async def player(call: Call) -> None:
        path, token = next(these)
        status, body = await call("GET", path, token)
        if status != 200:
            raise RuntimeError(f"{path} was answered with {status}: {body!r}")

    return await play(address, player, seconds)


_WRK = """
local asked = {%s}
local n = 0
function init()
  for i, read in ipairs(asked) do
    asked[i] = wrk.format("GET", "%s" .. read[1], {["Authorization"] = read[2]})
  end
end
function request()
  n = n %% #asked + 1
  return asked[n]
end
"""


def _wrk(address: str, reads: Sequence[Read], seconds: float) -> Load:
    asked = ",".join(
        f'{{"{path}", {f"{chr(34)}Bearer {token}{chr(34)}" if token else "nil"}}}'
        for path, token in reads
    )
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(_WRK % (asked, urlsplit(address).path))
        script.flush()
        command = [
            "wrk",
            "-t1",
            f"-c{CONNECTIONS}",
            f"-d{math.ceil(seconds)}s",
            "--latency",
            "-s",
            script.name,
        ]
        said = subprocess.run(
            [*command, address], check=True, capture_output=True, text=True
        ).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        raise RuntimeError(said)
    found = re.search(r"(\d+) requests in ([\d.]+)s", said)
    assert found is not None, said
    return Load(int(found[1]), float(found[2]), _wrk_ms(said, 50), _wrk_ms(said, 99))


def _wrk_ms(said: str, percentile: int) -> float:
    found = re.search(rf"\b{percentile}%\s+([\d.]+)(us|ms|s)\b", said)
    assert found is not None, said
    return float(found[1]) * {"us": 0.001, "ms": 1, "s": 1000}[found[2]]

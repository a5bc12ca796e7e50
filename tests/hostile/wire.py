"""HTTP/1.1 as bytes: what no client library would send, and many of it at once."""

import asyncio
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

AT_ONCE = 8
HEAD_END = b"\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 "


@dataclass(frozen=True)
class Request:
    """A call as it goes out; texts are sent as Latin-1, so that each character is a byte.

    `private` is something in it that no refusal may say back.
    """

    method: str
    target: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    private: str = ""

    def encoded(self) -> bytes:
        length = {} if self.body is None else {"Content-Length": str(len(self.body))}
        headers = {"Host": "127.0.0.1", **self.headers, **length}
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"{self.method} {self.target} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + (
            self.body or b""
        )


@dataclass(frozen=True)
class Answer:
    """What came back; status 0 when the connection ended without an answer."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    seconds: float = 0.0


async def answers_to(
    address: str, requests: Iterable[Request], at_once: int = AT_ONCE, *, reuse: bool = True
) -> list[tuple[Request, Answer]]:
    """Each request with its answer, over so many connections, which are used again if `reuse` says so."""
    waiting: Iterator[Request] = iter(requests)
    answered: list[tuple[Request, Answer]] = []

    async def client() -> None:
        connection: Connection | None = None
        for request in waiting:
            connection = connection or await connect(address)
            answer = await connection.ask(request.encoded(), head_only=request.method == "HEAD")
            answered.append((request, answer))
            if not reuse or connection.is_over(answer):
                await connection.close()
                connection = None
        if connection:
            await connection.close()

    await asyncio.gather(*(client() for _ in range(at_once)))
    return answered


async def connect(address: str) -> "Connection":
    place = urlsplit(address)
    return Connection(*await asyncio.open_connection(place.hostname, place.port, limit=2**20))


@dataclass(frozen=True)
class Connection:
    """A connection to the server."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def everything(self, sent: bytes) -> bytes:
        """Send these bytes, and wait for all that comes until the server ends the connection."""
        self.writer.write(sent)
        try:
            return await self.reader.read()
        except ConnectionError:  # what was sent was not read to its end
            return b""
        finally:
            await self.close()

    async def ask(self, sent: bytes, *, head_only: bool = False) -> Answer:
        """Send these bytes, and wait for an answer or the end of the connection."""
        started = time.perf_counter()
        try:
            self.writer.write(sent)
            head = await self.reader.readuntil(HEAD_END)
            if head.startswith(CONTINUE):
                head = await self.reader.readuntil(HEAD_END)
            status_line, *lines = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
            headers = {k.lower(): v.strip() for k, v in (line.split(":", 1) for line in lines)}
            length = 0 if head_only else int(headers.get("content-length", "0"))
            body = await self.reader.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError):
            return Answer(seconds=time.perf_counter() - started)
        return Answer(int(status_line.split()[1]), headers, body, time.perf_counter() - started)

    def is_over(self, answer: Answer) -> bool:
        return answer.status == 0 or answer.headers.get("connection") == "close"

    async def close(self) -> None:
        self.writer.close()
        with suppress(ConnectionError):
            await self.writer.wait_closed()

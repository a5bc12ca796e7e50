"""What clients that mean harm do with their connections."""

import asyncio
import json
import random
import socket
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from bench.data import refresh_token_of
from bench.load import Answer, answer, connect

PATIENCE = 10  # seconds
PAUSE = 0.01  # after a connection that was cut or refused

Play = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Hostile:
    """Who sends it: from which address, with which accounts, and against whose account."""

    address: str
    source: str
    users: range
    victim: int
    got: Counter[str] = field(default_factory=Counter)
    open: int = 0

    async def keep_playing(self, play: Play, connections: int, source: str = "") -> None:
        """Play on so many connections, and on a new one where one ended; how, other than by us, is counted."""

        async def one_after_the_other() -> None:
            while True:
                writer = None
                try:
                    async with asyncio.timeout(PATIENCE):
                        reader, writer = await connect(self.address, source or self.source)
                    self.open += 1
                    await play(reader, writer)
                except TimeoutError:
                    self.got["no answer"] += 1
                except (OSError, asyncio.IncompleteReadError):
                    self.got["cut" if writer else "refused"] += 1
                    await asyncio.sleep(PAUSE)
                finally:
                    if writer:
                        self.open -= 1
                        writer.transport.abort()

        await asyncio.gather(*(one_after_the_other() for _ in range(connections)))

    async def answer(self, reader: asyncio.StreamReader) -> Answer:
        async with asyncio.timeout(PATIENCE):
            got = await answer(reader)
        self.got[str(got.status)] += 1
        return got


Kind = Callable[[Hostile], Coroutine[Any, Any, None]]
"""Does harm until it is cancelled."""


async def flood(
    me: Hostile, requests: Iterator[bytes], connections: int = 8, source: str = ""
) -> None:
    """Send one as soon as the one before is answered, on each connection, again and again."""

    async def keep_asking(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        stays_open = True
        while stays_open:
            writer.write(next(requests))
            stays_open = (await me.answer(reader)).stays_open

    await me.keep_playing(keep_asking, connections, source)


async def half_close(me: Hostile, request: bytes, connections: int = 8) -> None:
    """Send a request, end one's side of the connection, and wait for an answer."""

    async def send(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(request)
        writer.write_eof()
        await me.answer(reader)

    await me.keep_playing(send, connections)


async def hold(me: Hostile, opening: bytes, connections: int, drip: bytes = b"") -> None:
    """Keep so many connections open, with a drop a second; what is cut is opened again."""

    async def keep_open(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(opening)
        while True:
            try:
                async with asyncio.timeout(1):
                    said = await reader.read(65536)
            except TimeoutError:
                writer.write(drip)
                continue
            if not said:
                raise ConnectionResetError
            me.got[said[9:12].decode("latin-1")] += 1

    await me.keep_playing(keep_open, connections)


async def read_slowly(me: Hostile, request: bytes, connections: int) -> None:
    """Ask for something large, and take a byte of it a second."""
    loop = asyncio.get_running_loop()
    host, port = me.address.removeprefix("http://").split("/")[0].split(":")

    async def keep_reading() -> None:
        with socket.socket() as mine:
            mine.setblocking(False)
            mine.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            mine.bind((me.source, 0))
            await loop.sock_connect(mine, (host, int(port)))
            me.open += 1
            try:
                await loop.sock_sendall(mine, request)
                while await loop.sock_recv(mine, 1):
                    if mine.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                        break
                    await asyncio.sleep(1)
            finally:
                me.open -= 1

    async def come_back() -> None:
        while True:
            with suppress(OSError):
                await keep_reading()
            me.got["cut"] += 1
            await asyncio.sleep(PAUSE)

    await asyncio.gather(*(come_back() for _ in range(connections)))


async def leave(me: Hostile, requests: Iterator[bytes], connections: int = 16) -> None:
    """Send requests and be gone before the answer."""

    async def send(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(next(requests))
        await asyncio.sleep(random.random() * 0.01)
        me.got["left"] += 1

    await me.keep_playing(send, connections)


async def rotate(me: Hostile, refresh: Callable[[str], bytes], connections: int = 4) -> None:
    """Refresh stolen tokens without a pause."""
    tokens = deque(map(refresh_token_of, me.users[:connections]))

    async def keep_rotating(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        stays_open = True
        while stays_open:
            token = tokens.popleft()
            writer.write(refresh(token))
            got = await me.answer(reader)
            tokens.append(json.loads(got.body).get("refresh_token", token))
            stays_open = got.stays_open

    await me.keep_playing(keep_rotating, connections)

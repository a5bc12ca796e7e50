"""HTTP out: the one place from which the service calls anybody."""

import asyncio
import errno
import importlib
import re
import socket
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from threading import Thread
from typing import Any, Self

from referral.application.ports import Clock
from referral.application.webhooks.ports import Answer
from referral.domain.webhooks.addresses import is_public

ANSWER_SECONDS = 15
TEXT_SECONDS = 1  # of which so long for what the answer says, which only people read
TEXT_BYTES = 1000


class AiohttpSender:
    """Sends by connections that it keeps; `async with` closes them at the end."""

    def __init__(self, clock: Clock, *, private_networks: bool) -> None:
        self._clock = clock
        self._private_networks = private_networks
        self._session: Any = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def prepare(self) -> None:
        if self._session is None:
            await self._open()

    async def send(self, url: str, headers: Mapping[str, str], body: str) -> Answer:
        session = self._session or await self._open()
        import aiohttp
        from yarl import URL

        try:
            async with session.post(
                URL(url, encoded=True), headers=headers, data=body.encode(), allow_redirects=False
            ) as response:
                return Answer(
                    response.status,
                    await _text(response.content),
                    _retry_after(response.headers.get("Retry-After", ""), self._clock.now()),
                )
        except TimeoutError:
            return Answer(None, f"There was no answer within {ANSWER_SECONDS} seconds.")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Answer(None, str(error)[:TEXT_BYTES])

    async def _open(self) -> Any:
        # Only where something is sent, and beside all else: it takes a sixth of a second.
        aiohttp = await asyncio.to_thread(importlib.import_module, "aiohttp")
        self._session = self._session or aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, resolver=_Names(), socket_factory=self._socket),
            timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": "referral-webhooks"},
            auto_decompress=False,
        )
        return self._session

    def _socket(self, address: tuple[Any, ...]) -> socket.socket:
        """A socket for this address, which is connected to next, whatever the name leads to later; or OSError."""
        family, kind, protocol, _, place = address
        if not self._private_networks and not is_public(place[0]):
            raise PermissionError(errno.EACCES, "the address is not public")
        return socket.socket(family, kind, protocol)


class _Names:
    """Looks up each name in a thread of its own (an `aiohttp.abc.AbstractResolver`).

    A name server that does not answer holds a thread for half a minute and more, and the event loop's are few: uvloop
    has two for all names, the database's too. These keep nobody waiting, nor the process when it is to end.
    """

    async def resolve(
        self, host: str, port: int = 0, family: int = 0
    ) -> Sequence[Mapping[str, Any]]:
        found: Future[Sequence[Mapping[str, Any]]] = Future()
        found.set_running_or_notify_cancel()  # from now on only its thread ends it

        def look_up() -> None:
            try:
                found.set_result(_addresses(host, port, family))
            except Exception as error:  # noqa: BLE001  it is raised where it is waited for
                found.set_exception(error)

        try:
            Thread(target=look_up, name="name look-up", daemon=True).start()
        except RuntimeError as error:
            raise OSError(errno.EAGAIN, "there is no thread to look up the name") from error
        return await asyncio.wrap_future(found)

    async def close(self) -> None:
        """What is not answered yet, nobody waits for."""


def _addresses(host: str, port: int, family: int) -> Sequence[Mapping[str, Any]]:
    numeric = socket.NI_NUMERICHOST | socket.NI_NUMERICSERV
    return [
        {
            "hostname": host,
            "host": socket.getnameinfo(address, numeric)[0],  # with the network of a link-local one
            "port": port,
            "family": kind,
            "proto": protocol,
            "flags": socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
        }
        for kind, _, protocol, _, address in socket.getaddrinfo(
            host, port, family, socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG
        )
    ]


async def _text(content: Any) -> str:
    """The answer's first 1 kB, as far as it arrives in time, without what a database cannot store."""
    from aiohttp import ClientError

    read = b""
    with suppress(TimeoutError, OSError, ClientError):  # it breaks off: the status is known
        async with asyncio.timeout(TEXT_SECONDS):
            while len(read) < TEXT_BYTES and (more := await content.read(TEXT_BYTES - len(read))):
                read += more
    return read.decode(errors="replace").replace("\0", "")


def _retry_after(text: str, now: datetime) -> timedelta | None:
    """Seconds, or until a date (RFC 9110 §10.2.3); None for what is neither, and a date without a time zone."""
    if re.fullmatch(r"[0-9]{1,9}", text):
        return timedelta(seconds=int(text))
    with suppress(ValueError, OverflowError):  # the latter of a time zone with too many digits
        date = parsedate_to_datetime(text)
        return max(date - now, timedelta(0)) if date.tzinfo else None
    return None

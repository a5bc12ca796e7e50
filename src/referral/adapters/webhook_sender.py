"""HTTP out: the one place from which the service calls anybody."""

import asyncio
import errno
import importlib
import re
import socket
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any, Self

from referral.application.webhooks.ports import Answer
from referral.domain.webhooks.addresses import is_public

ANSWER_SECONDS = 15
TEXT_SECONDS = 1  # of which so long for what the answer says, which only people read
TEXT_BYTES = 1000


class AiohttpSender:
    """Sends by connections that it keeps; `async with` closes them at the end."""

    def __init__(self, *, private_networks: bool) -> None:
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
                    _retry_after(response.headers.get("Retry-After", "")),
                )
        except TimeoutError:
            return Answer(None, f"There was no answer within {ANSWER_SECONDS} seconds.")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Answer(None, str(error)[:TEXT_BYTES])

    async def _open(self) -> Any:
        # Only where something is sent, and beside all else: it takes a sixth of a second.
        aiohttp = await asyncio.to_thread(importlib.import_module, "aiohttp")
        self._session = self._session or aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, socket_factory=self._socket),
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


async def _text(content: Any) -> str:
    """The answer's first 1 kB, as far as it arrives in time, without what a database cannot store."""
    read = b""
    with suppress(TimeoutError, OSError):
        async with asyncio.timeout(TEXT_SECONDS):
            while len(read) < TEXT_BYTES and (more := await content.read(TEXT_BYTES - len(read))):
                read += more
    return read.decode(errors="replace").replace("\0", "")


def _retry_after(text: str) -> timedelta | None:
    """In seconds (RFC 9110 §10.2.3); a date is not read."""
    return timedelta(seconds=int(text)) if re.fullmatch(r"[0-9]{1,9}", text) else None

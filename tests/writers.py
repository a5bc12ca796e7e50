"""Clients that write through the HTTP API, whatever happens to it, and keep a ledger of what they were told."""

import asyncio
import itertools
import json
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from ledger import Ledger, Outcome
from people import FAR
from servers import PASSWORD

CLIENTS = 8
ANSWER_SECONDS = 8  # after so long without an answer a client gives up
TRIES = 200  # of a call that has an idempotency key

_numbers = itertools.count(1)


@dataclass
class Wire:
    """One HTTP connection, made again when it broke."""

    host: str
    port: int
    _streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def call(
        self, method: str, path: str, body: object = None, **headers: str
    ) -> tuple[int, Any]:
        """The status and the answer; raise OSError when there is none. A broken connection is not used again."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await self._call(method, path, body, headers)
        except (OSError, EOFError, TimeoutError, ValueError) as error:
            self.close()
            raise OSError(str(error)) from error

    async def _call(
        self, method: str, path: str, body: object, headers: dict[str, str]
    ) -> tuple[int, Any]:
        if self._streams is None:
            self._streams = await asyncio.open_connection(self.host, self.port)
        reader, writer = self._streams
        content = b"" if body is None else json.dumps(body).encode()
        lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
        head = "\r\n".join([f"{method} /api/v1{path} HTTP/1.1", "Host: localhost", *lines])
        writer.write(f"{head}\r\n\r\n".encode() + content)
        status, *answered = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        fields = dict(line.lower().split(": ", 1) for line in answered if line)
        answer = await reader.readexactly(int(fields.get("content-length", 0)))
        if fields.get("connection") == "close":
            self.close()
        return int(status.split()[1]), json.loads(answer) if answer else None

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


@dataclass
class Writers:
    """Some clients at once, each for a person of its own; `statuses` counts the answers."""

    address: str
    ledger: Ledger
    statuses: Counter[str] = field(default_factory=Counter)
    stopping: bool = False

    async def write(self, clients: int, *, keys: bool = True) -> None:
        """Write until `stopping`; with keys, calls whose outcome is not known are repeated until it is."""
        await asyncio.gather(*(self._client(keys=keys) for _ in range(clients)))

    async def acknowledged(self, more: int, seconds: float = 30) -> float:
        """Wait until so many more writes are acknowledged; the seconds it took."""
        began, known = time.monotonic(), self.ledger.counts["acknowledged"]
        while self.ledger.counts["acknowledged"] < known + more:
            assert time.monotonic() < began + seconds, f"no writes any more: {self.statuses}"
            await asyncio.sleep(0.005)
        return time.monotonic() - began

    @property
    def done(self) -> int:
        """How many calls did what they were sent for."""
        return sum(n for status, n in self.statuses.items() if status.startswith("2"))

    @property
    def failed(self) -> int:
        """How many calls did not, as far as the client knows, but for those of which an earlier try still runs."""
        return self.statuses.total() - self.done - self.statuses["409 request-in-progress"]

    async def _client(self, *, keys: bool) -> None:
        parts = urlsplit(self.address)
        wire = Wire(parts.hostname or "", parts.port or 0)
        name = f"writer{next(_numbers)}"
        while not await self._join(wire, name):
            if self.stopping:
                return
            name = f"writer{next(_numbers)}"
        token = await self._log_in(wire, name)
        code: str | None = None
        for turn in itertools.count():
            if self.stopping:
                wire.close()
                return
            match turn % 5:
                case 0 | 2:
                    code = await self._issue(wire, token, code)
                case 1:
                    await self._join(wire, f"writer{next(_numbers)}", code)
                case 3 if code:
                    code = await self._withdraw(wire, token, code)
                case 4 if keys and not code:
                    await self._issue_with_a_key(wire, token, name)

    async def _join(self, wire: Wire, name: str, code: str | None = None) -> bool:
        body = {"username": name, "email": f"{name}@example.org", "password": PASSWORD}
        effects = [f"user:{name}"] + ([f"referral:{name}"] if code else [])
        call = ("POST", "/auth/user", body | ({"code": code} if code else {}))
        return await self._once(wire, effects, *call) == "acknowledged"

    async def _log_in(self, wire: Wire, name: str) -> str:
        while not self.stopping:
            with suppress(OSError):
                status, answer = await wire.call(
                    "POST", "/auth/token", {"username": name, "password": PASSWORD}
                )
                if status == 200:
                    return f"Bearer {answer['access_token']}"
            await asyncio.sleep(0.05)
        return ""

    async def _issue(self, wire: Wire, token: str, active: str | None) -> str | None:
        text = f"LEDGER-{next(_numbers)}"
        body = {"code": text, "expires_at": FAR, "replace_active": True}
        effects = [f"code:{text}"] + ([f"retired:{active}"] if active else [])
        done = await self._once(wire, effects, "POST", "/codes", body, Authorization=token)
        if done == "unknown":  # it may be active, and then the next one takes its place
            self.ledger.note(f"retired:{text}#{next(_numbers)}", done)
            return None
        return text if done == "acknowledged" else active

    async def _withdraw(self, wire: Wire, token: str, code: str) -> str | None:
        effects = [f"retired:{code}"]
        done = await self._once(wire, effects, "DELETE", f"/codes/{code}", Authorization=token)
        return code if done == "refused" else None

    async def _issue_with_a_key(self, wire: Wire, token: str, name: str) -> None:
        write = f"issue:{name}#{next(_numbers)}"
        self.ledger.note(write, "sent")
        body = {"expires_at": FAR, "replace_active": True}
        key = str(uuid4())
        outcome: Outcome = "unknown"
        for _ in range(TRIES):
            outcome = await self._call(
                wire, "POST", "/codes", body, Authorization=token, Idempotency_Key=key
            )
            if outcome == "acknowledged":
                break
            await asyncio.sleep(0.1)
        self.ledger.note(write, outcome if outcome == "acknowledged" else "unknown")

    async def _once(
        self,
        wire: Wire,
        effects: list[str],
        method: str,
        path: str,
        body: object = None,
        **headers: str,
    ) -> Outcome:
        """Send a write that is not repeated, whatever becomes of it."""
        writes = [f"{effect}#{next(_numbers)}" for effect in effects]
        for write in writes:
            self.ledger.note(write, "sent")
        outcome = await self._call(wire, method, path, body, **headers)
        for write in writes:
            self.ledger.note(write, outcome)
        if outcome != "acknowledged":
            await asyncio.sleep(0.02)
        return outcome

    async def _call(
        self, wire: Wire, method: str, path: str, body: object, **headers: str
    ) -> Outcome:
        try:
            status, answer = await wire.call(method, path, body, **headers)
        except OSError:
            self.statuses["no answer"] += 1
            return "unknown"
        problem = str(answer["type"]).rpartition("/")[2] if status >= 400 else ""
        self.statuses[f"{status} {problem}".strip()] += 1
        if status < 300:
            return "acknowledged"
        return "unknown" if problem == "outcome-unknown" or status == 500 else "refused"


@asynccontextmanager
async def writing(address: str, directory: Path, *, keys: bool = True) -> AsyncIterator[Writers]:
    """Eight clients that write for as long as the block runs, and are through with what they sent when it ends.

    None of them may be answered with 500.
    """
    with closing(Ledger(directory / "ledger")) as ledger:
        writers = Writers(address, ledger)
        work = asyncio.create_task(writers.write(CLIENTS, keys=keys))
        try:
            await writers.acknowledged(CLIENTS * 5)
            yield writers
        finally:
            writers.stopping = True
            await work
    assert not [status for status in writers.statuses if status.startswith("500")], writers.statuses

"""A client that means well: fifty calls a second, on time, whatever becomes of the answers."""

import asyncio
import itertools
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any, NamedTuple

import msgspec

from bench.calls import asked
from bench.data import Data, refresh_token_of
from bench.load import Answer, answer, connect, request
from servers import PASSWORD

RATE = 50
REFRESH_EVERY = 50
LOG_IN_EVERY = 250
PATIENCE = 10  # seconds until a call counts as not answered
CALLS_A_CONNECTION = 8  # new ones have to be had all the time
IDLE_SECONDS = 2
SOURCE = "127.0.0.2"
READS = ("code status", "own codes", "code by e-mail", "referrals page of 50")


class Connection(NamedTuple):
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    calls: Iterator[int]
    used_at: float


@dataclass
class GoodClient:
    """Reads for many users, refreshes for some and logs one in; what a call takes is counted from when it was due."""

    api: str
    data: Data
    user: int  # who logs in
    refresh_tokens: deque[str]
    reads: list[float] = field(default_factory=list)
    log_ins: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)
    idle: deque[Connection] = field(default_factory=deque)

    async def calls(self, seconds: float, warm_up: float) -> dict[str, Any]:
        """Make them for so long, and count those after the warm-up."""
        mixed = zip(*(itertools.cycle(asked(self.data)[name]) for name in READS), strict=False)
        reads = zip(itertools.cycle(READS), itertools.chain.from_iterable(mixed), strict=False)
        started = time.perf_counter()
        async with asyncio.TaskGroup() as tasks:
            for n in range(int((warm_up + seconds) * RATE)):
                if n == int(warm_up * RATE):
                    tasks.create_task(self._count_from_now())
                due = started + n / RATE
                await asyncio.sleep(due - time.perf_counter())
                self.late.append(time.perf_counter() - due)
                if n % LOG_IN_EVERY == LOG_IN_EVERY // 2:
                    tasks.create_task(self._log_in(due))
                elif n % REFRESH_EVERY == 0 and self.refresh_tokens:
                    tasks.create_task(self._refresh(due))
                else:
                    name, (path, token) = next(reads)
                    raw = request("GET", f"/api/v1{path}", token)
                    tasks.create_task(self._call(name, raw, due, self.reads))
        for connection in self.idle:
            connection.writer.close()
        return {
            "calls": len(self.reads) + len(self.log_ins),
            "failures": dict(self.failures),
            **in_milliseconds("", self.reads),
            **in_milliseconds("log_in_", self.log_ins),
            "late_p99_ms": in_milliseconds("", self.late)["p99_ms"],
        }

    async def _count_from_now(self) -> None:
        for counted in (self.reads, self.log_ins, self.late, self.failures):
            counted.clear()

    async def _log_in(self, due: float) -> None:
        body = {"username": f"user{self.user}", "password": PASSWORD}
        raw = request("POST", "/api/v1/auth/token", None, msgspec.json.encode(body))
        await self._call("log-in", raw, due, self.log_ins)

    async def _refresh(self, due: float) -> None:
        token = self.refresh_tokens.popleft()
        body = {"grant_type": "refresh_token", "refresh_token": token}
        raw = request("POST", "/api/v1/auth/token", None, msgspec.json.encode(body))
        answered = await self._call("refresh", raw, due, self.reads)
        if answered:  # else nobody knows which token is good
            given = msgspec.json.decode(answered.body)
            self.refresh_tokens.append(given.get("refresh_token", token))

    async def _call(self, name: str, raw: bytes, due: float, taken: list[float]) -> Answer | None:
        got: Answer | None = None
        outcome = "no answer"
        try:
            async with asyncio.timeout(PATIENCE):
                got = await self._answer(raw)
            outcome = str(got.status)
        except TimeoutError:
            pass
        except (OSError, asyncio.IncompleteReadError):
            outcome = "cut"
        taken.append(time.perf_counter() - due)
        if outcome != "200":
            self.failures[f"{name}: {outcome}"] += 1
        return got

    async def _answer(self, raw: bytes) -> Answer:
        connection = await self._connection()
        got = None
        try:
            connection.writer.write(raw)
            got = await answer(connection.reader)
        finally:
            if got and got.stays_open and next(connection.calls, None) is not None:
                self.idle.append(connection._replace(used_at=time.monotonic()))
            else:
                connection.writer.close()
        return got

    async def _connection(self) -> Connection:
        while self.idle:
            connection = self.idle.pop()
            if time.monotonic() - connection.used_at < IDLE_SECONDS:
                return connection
            connection.writer.close()
        reader, writer = await connect(self.api, SOURCE)
        return Connection(reader, writer, iter(range(CALLS_A_CONNECTION - 1)), 0)


def in_milliseconds(name: str, seconds: Sequence[float]) -> dict[str, float]:
    taken = sorted(seconds) or [0.0]
    return {
        f"{name}p50_ms": median(taken) * 1000,
        f"{name}p99_ms": taken[len(taken) * 99 // 100] * 1000,
        f"{name}max_ms": taken[-1] * 1000,
    }


def good_client(
    api: str, data: Data, user: int, families: Sequence[int], seconds: float, warm_up: float
) -> dict[str, Any]:
    client = GoodClient(api, data, user, deque(map(refresh_token_of, families)))
    return asyncio.run(client.calls(seconds, warm_up))

"""What is measured: servers on one embedded PostgreSQL full of data, and what a load costs them."""

import asyncio
import tempfile
import time
from collections.abc import Coroutine, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.data import Data, load
from bench.load import Load
from bench.machine import cpu_seconds
from referral.adapters.embedded_postgres import embedded_postgres
from referral.adapters.postgres.migrate import migrate
from servers import SERVICE, Server, running

CEILING = ("-m", "bench.ceiling")


@dataclass(frozen=True)
class Cost:
    """What a load did, and the CPU time that a request of it cost the server and PostgreSQL, in µs."""

    load: Load
    server_us: float
    postgres_us: float


@dataclass(frozen=True)
class Database:
    """A PostgreSQL for this run alone, with this data in it; `process` is its postmaster."""

    url: str
    process: int
    directory: Path

    def service(self, **settings: object) -> AbstractContextManager[Server]:
        """With the settings it has by default, but no limits, and bcrypt at its lowest cost for new passwords."""
        return running(self.directory, self.url, SERVICE, **settings)

    def ceiling(self) -> AbstractContextManager[Server]:
        return running(self.directory, self.url, CEILING)

    def cost(self, server: Server, loading: Coroutine[Any, Any, Load]) -> Cost:
        before = cpu_seconds(server.process.pid), cpu_seconds(self.process)
        load = asyncio.run(loading)
        after = cpu_seconds(server.process.pid), cpu_seconds(self.process)
        server_us, postgres_us = (
            (now - then) / load.requests * 1e6 for then, now in zip(before, after, strict=True)
        )
        return Cost(load, server_us, postgres_us)


@contextmanager
def filled(data: Data) -> Iterator[Database]:
    with tempfile.TemporaryDirectory(prefix="referral-bench-") as name:
        directory = Path(name)
        with embedded_postgres(directory / "data") as url:
            migrate(url)
            started = time.perf_counter()
            asyncio.run(load(url, data))
            print(
                f"{data.referrals:,} referrals loaded in {time.perf_counter() - started:.0f} s",
                flush=True,
            )
            process = int((directory / "data/postgres/postmaster.pid").read_text().split()[0])
            yield Database(url, process, directory)

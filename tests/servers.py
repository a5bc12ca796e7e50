"""The real server process, for tests that call it over a socket."""

import json
import os
import random
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

SECRET = "a secret for tests of 32 bytes or more"
SERVICE = ("-m", "referral", "serve")
PASSWORD = "Q123werty!23"
# All is on this machine and in the clear; by default each client loads the certificates of the world, 20 ms long.
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@dataclass(frozen=True)
class Server:
    """A server that runs: its process, its address, and what it has logged."""

    process: subprocess.Popen[bytes]
    address: str
    log: Path
    database_url: str

    @property
    def api(self) -> str:
        return f"{self.address}/api/v1"

    @property
    def workers(self) -> list[int]:
        """The ids of its worker processes."""
        main = self.process.pid
        return [*map(int, Path(f"/proc/{main}/task/{main}/children").read_text().split())]

    def lines(self) -> list[dict[str, Any]]:
        """What it has logged; it does so a moment later."""
        whole, _, _ = self.log.read_text().rpartition("\n")
        return [json.loads(line) for line in whole.splitlines() if line.startswith("{")]

    def get(self, path: str, **options: Any) -> httpx.Response:
        """The answer to a call over a connection of its own."""
        return httpx.get(f"{self.address}{path}", verify=NO_TLS, **{"timeout": 20, **options})

    def client(self, **options: Any) -> httpx.Client:
        """A client that gives up an idle connection before the server does, after five seconds."""
        return httpx.Client(**self._options(), **options)

    def crowd(self, size: int = 100, **options: Any) -> httpx.AsyncClient:
        """Such a client, for so many calls at the same time; the others wait."""
        return httpx.AsyncClient(**self._options(max_connections=size), **options)

    def _options(self, **limits: int) -> dict[str, Any]:
        kept = httpx.Limits(keepalive_expiry=2, **limits)
        return {"base_url": self.api, "timeout": 60, "limits": kept, "verify": NO_TLS}


@contextmanager
def running(
    directory: Path, database_url: str, program: Sequence[str] = SERVICE, **settings: object
) -> Iterator[Server]:
    """A server on this database, ready to answer; at the end it is told to stop, and must do so in order."""
    server = start(directory, database_url, program, output=None, **settings)
    try:
        wait_until_ready(server)
        yield server
    finally:
        server.process.terminate()
        status = server.process.wait(20)
    assert status == 0, server.log.read_text()


def start(
    directory: Path,
    database_url: str,
    program: Sequence[str] = SERVICE,
    output: int | None = None,
    **settings: object,
) -> Server:
    """A server process that was started just now; it writes to `output`, or else to its log file in this directory."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("REFERRAL_")},
        "REFERRAL_DATABASE_URL": database_url,
        "REFERRAL_SECRET": SECRET,
        "REFERRAL_BCRYPT_COST": "4",
        "REFERRAL_RATE_LIMITS": "off",
        "REFERRAL_LOG_FORMAT": "json",
        "REFERRAL_PORT": str(free_port()),
        **{f"REFERRAL_{name.upper()}": str(value) for name, value in settings.items()},
    }
    log = directory / f"server-{environment['REFERRAL_PORT']}.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, *program],
            env=environment,
            cwd=directory,
            stdout=output or file,
            stderr=output or file,
        )
    return Server(process, f"http://127.0.0.1:{environment['REFERRAL_PORT']}", log, database_url)


def killed_and_started(server: Server, **settings: object) -> Server:
    """The server at the same address, killed and started again with these settings; it may not be ready yet."""
    server.process.kill()
    server.process.wait()
    port = urlsplit(server.address).port
    return start(
        server.log.parent, server.database_url, SERVICE, output=None, port=port, **settings
    )


def wait_until_ready(server: Server, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not is_ready(server.address):
        assert server.process.poll() is None, server.log.read_text()
        assert time.monotonic() < deadline, server.log.read_text()
        time.sleep(0.02)


def eventually(condition: Callable[[], object], seconds: float = 15) -> None:
    """Wait until it is so."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def is_running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def workers_that_answered(server: Server, route: str = "/health/ready") -> set[int]:
    """The ids of those that have logged a call of this route."""
    return {line["pid"] for line in server.lines() if line.get("route") == route}


def is_ready(address: str) -> bool:
    try:
        answer = httpx.get(f"{address}/health/ready", timeout=5, verify=NO_TLS)
    except httpx.TransportError:
        return False
    return answer.status_code == httpx.codes.OK


def free_port() -> int:
    """One that nobody is likely to take before it is used: the kernel gives connections none of these."""
    while True:
        port = random.SystemRandom().randrange(10_000, 32_000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port

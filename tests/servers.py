"""The real server process, for tests that call it over a socket."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

SECRET = "a secret for tests of 32 bytes or more"
SERVICE = ("-m", "referral", "serve")
PASSWORD = "Q123werty!23"


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

    def client(self) -> httpx.Client:
        """A client that gives up an idle connection before the server does, after five seconds."""
        return httpx.Client(base_url=self.api, timeout=20, limits=httpx.Limits(keepalive_expiry=2))


@contextmanager
def running(
    directory: Path, database_url: str, program: Sequence[str] = SERVICE, **settings: object
) -> Iterator[Server]:
    """A server on this database, ready to answer; at the end it is told to stop, and must do so in order."""
    server = start(directory, database_url, program, **settings)
    try:
        wait_until_ready(server)
        yield server
    finally:
        server.process.terminate()
        status = server.process.wait(20)
    assert status == 0, server.log.read_text()


def start(
    directory: Path, database_url: str, program: Sequence[str] = SERVICE, **settings: object
) -> Server:
    """A server process that was started just now, in an empty directory of its own."""
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
            stdout=file,
            stderr=file,
        )
    return Server(process, f"http://127.0.0.1:{environment['REFERRAL_PORT']}", log, database_url)


def wait_until_ready(server: Server, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not is_ready(server.address):
        assert server.process.poll() is None, server.log.read_text()
        assert time.monotonic() < deadline, server.log.read_text()
        time.sleep(0.02)


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def eventually(condition: Callable[[], object], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def is_ready(address: str) -> bool:
    try:
        return httpx.get(f"{address}/health/ready", timeout=5).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])

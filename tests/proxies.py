"""What can stand between the service and its database: a proxy that loses answers, and a host that says nothing."""

import asyncio
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

BUFFER = 65_536


@dataclass
class Proxy:
    """Passes everything on to the server of `target`.

    When a client has said `lost_after`, nothing that the server answers reaches that client any more, and with
    `breaks` the connection ends as soon as the server has answered. `lost` is set when an answer was lost.
    """

    target: str
    lost_after: bytes = b""
    breaks: bool = False
    lost: threading.Event = field(default_factory=threading.Event)
    port: int = 0

    @property
    def url(self) -> str:
        parts = urlsplit(self.target)
        login = parts.netloc.rpartition("@")[0]
        return parts._replace(netloc=f"{login}@127.0.0.1:{self.port}", query="").geturl()

    async def serve(self, started: Future[Callable[[], None]]) -> None:
        loop, stopped = asyncio.get_running_loop(), asyncio.Event()
        visits = []
        with ExitStack() as sockets, socket.create_server(("127.0.0.1", 0)) as listener:

            def welcome() -> None:
                client = sockets.enter_context(listener.accept()[0])
                client.setblocking(False)
                visits.append(loop.create_task(self._visit(client)))

            self.port = listener.getsockname()[1]
            loop.add_reader(listener, welcome)
            started.set_result(partial(loop.call_soon_threadsafe, stopped.set))
            await stopped.wait()
            loop.remove_reader(listener)
            await _end(visits)

    async def _visit(self, client: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        answers_are_lost = asyncio.Event()

        async def ask() -> None:
            while said := await loop.sock_recv(client, BUFFER):
                if self.lost_after and self.lost_after in said:
                    answers_are_lost.set()
                await loop.sock_sendall(server, said)

        async def answer() -> None:
            while said := await loop.sock_recv(server, BUFFER):
                if not answers_are_lost.is_set():
                    await loop.sock_sendall(client, said)
                    continue
                self.lost.set()
                if self.breaks:
                    return

        family, address = _address_of(self.target)
        with client, socket.socket(family) as server, suppress(OSError):
            server.setblocking(False)
            await loop.sock_connect(server, address)
            ways = [asyncio.create_task(ask()), asyncio.create_task(answer())]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                await _end(ways)


async def _end(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _address_of(url: str) -> tuple[socket.AddressFamily, str | tuple[str, int]]:
    parts = urlsplit(url)
    if parts.hostname:
        return socket.AF_INET, (parts.hostname, parts.port or 5432)
    directory = unquote(parse_qs(parts.query)["host"][0])
    return socket.AF_UNIX, f"{directory}/.s.PGSQL.5432"


@contextmanager
def proxy_before(url: str) -> Iterator[Proxy]:
    """A proxy on loopback, in a thread of its own."""
    proxy = Proxy(url)
    started: Future[Callable[[], None]] = Future()
    thread = threading.Thread(target=lambda: asyncio.run(proxy.serve(started)))
    thread.start()
    stop = started.result(10)
    try:
        yield proxy
    finally:
        stop()
        thread.join(10)


@contextmanager
def black_hole() -> Iterator[int]:
    """A port of a host that says nothing: who wants to connect waits."""
    with socket.socket() as hole, socket.socket() as first, socket.socket() as second:
        hole.bind(("127.0.0.1", 0))
        hole.listen(0)
        for visitor in (first, second):  # they fill the queue of those who wait to be accepted
            visitor.setblocking(False)
            visitor.connect_ex(hole.getsockname())
        yield hole.getsockname()[1]


@contextmanager
def forgetting(port: int) -> Iterator[Callable[[], None]]:
    """A firewall before a port on loopback; when it is told to, it forgets the connections that there are then.

    Skips the test where no rule can be made.
    """
    rules: list[tuple[str, ...]] = []

    def forget() -> None:
        for known in _connections_to(port):
            rule = (
                "INPUT",
                "-p",
                "tcp",
                "-i",
                "lo",
                "--dport",
                str(port),
                "--sport",
                str(known),
                "-j",
                "DROP",
            )
            _iptables("-A", *rule)
            rules.append(rule)

    try:
        _iptables("-L")
    except (FileNotFoundError, subprocess.CalledProcessError):
        pytest.skip("no firewall can be set up here")
    try:
        yield forget
    finally:
        for rule in rules:
            _iptables("-D", *rule)


def _iptables(*arguments: str) -> None:
    subprocess.run(["iptables", "-w", *arguments], check=True, capture_output=True)


def _connections_to(port: int) -> list[int]:
    """The other ends' ports."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return [
        int(local.split(":")[1], 16)
        for _, local, remote, state, *_ in lines
        if int(remote.split(":")[1], 16) == port and state == "01"
    ]

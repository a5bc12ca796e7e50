"""How a new connection is made: to a server that can be written to, in a way that what is before it understands."""

import asyncio
import socket
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import asyncpg
import structlog
from asyncpg.connect_utils import SessionAttribute

from referral.adapters.postgres.core.errors import MISPLACED

# So long a host is waited for before the next one is tried as well.
HEAD_START_SECONDS = 0.2

TIMEOUTS = {
    "lock_timeout": "1200ms",  # above PostgreSQL's deadlock_timeout: a deadlock is told, and tried again
    "statement_timeout": "1400ms",  # below what a call waits for, so that the server answers
    "idle_in_transaction_session_timeout": "10s",
}
_SESSION = {
    "application_name": "referral",
    "timezone": "UTC",
    "jit": "off",  # compiling costs more than any statement here
    "default_transaction_isolation": "read committed",  # what is decided under a lock is read after it was taken
    **TIMEOUTS,
}
_WHERE = "SELECT pg_backend_pid() AS pid, current_setting('transaction_read_only') AS read_only"

# A connection that a firewall has forgotten without a word is noticed when it is used, and when it is not.
_SOCKET_OPTIONS = [
    (socket.IPPROTO_TCP, getattr(socket, name), value)
    for name, value in {
        "TCP_USER_TIMEOUT": 500,  # milliseconds; Linux takes twice as long
        "TCP_KEEPIDLE": 15,
        "TCP_KEEPINTVL": 5,
        "TCP_KEEPCNT": 3,
    }.items()
    if hasattr(socket, name)
]

log = structlog.get_logger()


class _PoolerError(Exception):
    """It is not the server that answered the start of the connection."""


class Connection(asyncpg.Connection):
    """A connection whose silence is noticed."""

    __slots__ = ()

    def __init__(self, protocol: Any, transport: asyncio.Transport, *rest: Any) -> None:
        super().__init__(protocol, transport, *rest)
        plug = transport.get_extra_info("socket")
        if plug.family != socket.AF_UNIX:
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for option in _SOCKET_OPTIONS:
                plug.setsockopt(*option)


def url_of_each_host(url: str) -> list[str]:
    """The URL once for each host that it lists, as libpq reads it: `//a:1,b:2/…` or `?host=a,b&port=1,2`."""
    parts = urlsplit(url)
    login, at, hosts = parts.netloc.rpartition("@")
    if hosts:
        return [parts._replace(netloc=f"{login}{at}{host}").geturl() for host in hosts.split(",")]
    query = dict(parse_qsl(parts.query))
    places = query.get("host", "").split(",")
    ports = query.get("port", "").split(",")
    if len(places) == 1 or len(ports) not in {1, len(places)}:
        return [url]
    if len(ports) == 1:
        ports *= len(places)
    start = url.partition("?")[0]
    return [
        f"{start}?{urlencode({**query, 'host': place, 'port': port})}"
        for place, port in zip(places, ports, strict=True)
    ]


@dataclass(slots=True)
class Connector:
    """Makes connections; it remembers which host was good last, and whether there is a pooler before the server.

    A pooler that pools transactions gives each of them another connection of its own. Then nothing can be kept
    on a connection: no prepared statements, and no settings.
    """

    url: str = field(repr=False)
    statement_cache_size: int
    pooled: bool = False
    _hosts: list[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._hosts = url_of_each_host(self.url)

    async def connect(self) -> Connection:
        """The first connection on which something can be written: each host has a head start over the next.

        Raises OSError or asyncpg's errors; waits as long as it is let.
        """
        attempts = {
            asyncio.create_task(self._connect_to(host, place * HEAD_START_SECONDS)): host
            for place, host in enumerate(self._hosts)
        }
        unfinished = set(attempts)
        failure: BaseException | None = None
        try:
            while unfinished:
                done, unfinished = await asyncio.wait(
                    unfinished, return_when=asyncio.FIRST_COMPLETED
                )
                for attempt in done:
                    failure = attempt.exception()
                    if failure is None:
                        good = attempts.pop(attempt)
                        self._hosts.sort(key=lambda host: host != good)
                        return attempt.result()
            raise failure or asyncpg.InterfaceError("no host")
        finally:
            for attempt in attempts:
                attempt.cancel()
                attempt.add_done_callback(_close)

    async def _connect_to(self, host: str, delay: float) -> Connection:
        await asyncio.sleep(delay)
        if not self.pooled:
            try:
                return await self._open(host)
            except asyncpg.ProtocolViolationError as error:
                if "startup parameter" not in str(error):
                    raise
            except (_PoolerError, *MISPLACED):
                pass
            self.expect_pooler()
        return await self._open(host)

    async def _open(self, host: str) -> Connection:
        connection = await asyncpg.connect(
            host,
            connection_class=Connection,
            statement_cache_size=0 if self.pooled else self.statement_cache_size,
            server_settings={} if self.pooled else _SESSION,
            target_session_attrs=SessionAttribute.any,  # asked for below, where a pooler cannot answer from memory
        )
        try:
            await self._ensure_it_serves(connection)
        except BaseException:
            connection.terminate()
            raise
        return connection

    async def _ensure_it_serves(self, connection: Connection) -> None:
        [here] = await connection.fetch(_WHERE)
        if here["read_only"] == "on":
            raise asyncpg.TargetServerAttributeNotMatched("Nothing can be written there.")
        if not self.pooled and here["pid"] != connection.get_server_pid():
            raise _PoolerError

    def expect_pooler(self) -> None:
        """Keep nothing on a connection from now on."""
        if not self.pooled:
            self.pooled = True
            log.warning(
                "pooler before the database",
                meaning="no statement is kept prepared, and time-outs are set in each transaction",
            )


def _close(attempt: asyncio.Task[Connection]) -> None:
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().terminate()

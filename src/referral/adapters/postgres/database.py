import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, Self, TypeAlias

import asyncpg

from referral.adapters.postgres.errors import UNREACHABLE, translated
from referral.adapters.postgres.statement import Statement

# Together below the two seconds in which a caller is told that the database is away.
CONNECT_SECONDS = 0.9
COMMAND_SECONDS = 1.0
# Before a firewall on the way forgets a connection that nobody uses.
IDLE_SECONDS = 300

_ON_THE_SERVER = {
    "application_name": "referral",
    "timezone": "UTC",
    "jit": "off",  # compiling costs more than any statement here
    "lock_timeout": "900ms",
    "statement_timeout": "2s",
    "idle_in_transaction_session_timeout": "10s",
}

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


class Queries(Protocol):
    """Runs statements: on a connection from the pool each, or all within one transaction."""

    async def all(self, statement: Statement, **values: Any) -> Sequence[asyncpg.Record]: ...

    async def one(self, statement: Statement, **values: Any) -> asyncpg.Record | None: ...


@dataclass(slots=True)
class Database:
    """Connections that are made when they are needed and kept; `async with` closes them at the end.

    DatabaseUnavailable comes within two seconds, and a connection that did not answer is thrown away, so that
    the service heals by itself. Every error comes out in the domain's words.
    """

    url: str = field(repr=False)
    pool_size: int = 10
    statement_cache_size: int = 1024
    _places: asyncio.Semaphore = field(init=False)
    _idle: list[tuple[Connection, float]] = field(default_factory=list)

    async def __aenter__(self) -> Self:
        self._places = asyncio.Semaphore(self.pool_size)
        return self

    async def __aexit__(self, *_: object) -> None:
        while self._idle:
            self._idle.pop()[0].terminate()

    def connection(self) -> "OneConnection":
        """A connection of one's own, with `async with`."""
        return OneConnection(self)

    async def all(self, statement: Statement, **values: Any) -> Sequence[asyncpg.Record]:
        async with OneConnection(self) as connection:
            return await connection.all(statement, **values)

    async def one(self, statement: Statement, **values: Any) -> asyncpg.Record | None:
        async with OneConnection(self) as connection:
            return await connection.one(statement, **values)

    async def take(self) -> Connection:
        """The connection used last, or a new one; to be given back. Raises what UNREACHABLE lists."""
        if self._places.locked():
            async with asyncio.timeout(CONNECT_SECONDS):
                return await self._take()
        return await self._take()

    async def _take(self) -> Connection:
        await self._places.acquire()
        try:
            while self._idle:
                connection, since = self._idle.pop()
                if not connection.is_closed() and time.monotonic() - since < IDLE_SECONDS:
                    return connection
                connection.terminate()
            return await asyncpg.connect(
                self.url,
                timeout=CONNECT_SECONDS,
                command_timeout=COMMAND_SECONDS,
                statement_cache_size=self.statement_cache_size,
                server_settings=_ON_THE_SERVER,
            )
        except BaseException:
            self._places.release()
            raise

    def give_back(self, connection: Connection, *, usable: bool) -> None:
        if usable:
            self._idle.append((connection, time.monotonic()))
        else:
            connection.terminate()
        self._places.release()


class OneConnection:
    """Queries on one connection, for as long as the block lasts; raise DatabaseUnavailable when none is to be had."""

    __slots__ = ("_database", "connection")

    def __init__(self, database: Database) -> None:
        self._database = database

    async def __aenter__(self) -> Self:
        try:
            self.connection = await self._database.take()
        except Exception as error:
            raise translated(error) from error
        return self

    async def __aexit__(self, _: object, error: BaseException | None, __: object) -> None:
        # Whoever was interrupted may have left an answer on the way.
        interrupted = isinstance(error, UNREACHABLE) or not isinstance(error, Exception | None)
        self._database.give_back(self.connection, usable=not interrupted)
        if isinstance(error, (*UNREACHABLE, asyncpg.PostgresError)):
            raise translated(error) from error

    async def all(self, statement: Statement, **values: Any) -> Sequence[asyncpg.Record]:
        try:
            return await self.connection.fetch(statement.sql, *statement.arguments(values))
        except asyncpg.PostgresError as error:
            raise translated(error) from error

    async def one(self, statement: Statement, **values: Any) -> asyncpg.Record | None:
        try:
            return await self.connection.fetchrow(statement.sql, *statement.arguments(values))
        except asyncpg.PostgresError as error:
            raise translated(error) from error

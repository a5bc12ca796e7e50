from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

import asyncpg

from referral.adapters.postgres.errors import UNREACHABLE, translated
from referral.adapters.postgres.statement import Statement

# Together below the two seconds in which a caller is told that the database is away.
CONNECT_SECONDS = 0.9
COMMAND_SECONDS = 1.0

_ON_THE_SERVER = {
    "application_name": "referral",
    "timezone": "UTC",
    "jit": "off",  # compiling costs more than any statement here
    "lock_timeout": "900ms",
    "statement_timeout": "2s",
    "idle_in_transaction_session_timeout": "10s",
}


class Queries(Protocol):
    """Runs statements: on a connection from the pool each, or all within one transaction."""

    async def all(self, statement: Statement, **values: Any) -> Sequence[asyncpg.Record]: ...

    async def one(self, statement: Statement, **values: Any) -> asyncpg.Record | None: ...


@dataclass(frozen=True, slots=True)
class OneConnection:
    """Queries on one connection, for as long as someone holds it."""

    connection: Any  # asyncpg's pool hands out a proxy that its types do not describe

    async def all(self, statement: Statement, **values: Any) -> Sequence[asyncpg.Record]:
        try:
            return await self.connection.fetch(statement.sql, *statement.arguments(values))  # type: ignore[no-any-return]
        except asyncpg.PostgresError as error:
            raise translated(error) from error

    async def one(self, statement: Statement, **values: Any) -> asyncpg.Record | None:
        try:
            return await self.connection.fetchrow(statement.sql, *statement.arguments(values))  # type: ignore[no-any-return]
        except asyncpg.PostgresError as error:
            raise translated(error) from error


@dataclass(slots=True)
class Database:
    """A pool of connections, opened with `async with`; opening does not wait for the server to be there.

    Every error comes out in the domain's words. DatabaseUnavailable comes within two seconds, and a
    connection that did not answer is thrown away, so that the pool heals by itself.
    """

    url: str = field(repr=False)
    pool_size: int = 10
    statement_cache_size: int = 1024
    _pool: Any = None

    async def __aenter__(self) -> Self:
        self._pool = await asyncpg.create_pool(
            self.url,
            min_size=0,
            max_size=self.pool_size,
            timeout=CONNECT_SECONDS,
            command_timeout=COMMAND_SECONDS,
            statement_cache_size=self.statement_cache_size,
            server_settings=_ON_THE_SERVER,
            reset=_nothing_to_reset,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        self._pool.terminate()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[OneConnection]:
        """A connection of one's own; raise DatabaseUnavailable when none is to be had."""
        try:
            connection = await self._pool.acquire(timeout=CONNECT_SECONDS)
        except Exception as error:
            raise translated(error) from error
        try:
            yield OneConnection(connection)
        except UNREACHABLE as error:
            connection.terminate()
            raise translated(error) from error
        except asyncpg.PostgresError as error:
            raise translated(error) from error
        finally:
            await self._pool.release(connection)

    async def all(self, statement: Statement, **values: Any) -> Sequence[asyncpg.Record]:
        async with self.connection() as connection:
            return await connection.all(statement, **values)

    async def one(self, statement: Statement, **values: Any) -> asyncpg.Record | None:
        async with self.connection() as connection:
            return await connection.one(statement, **values)


async def _nothing_to_reset(_: object) -> None:
    """Spare the round trip that undoes session state: no statement here makes any."""

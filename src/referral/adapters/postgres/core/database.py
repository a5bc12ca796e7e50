import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Concatenate, ParamSpec, Protocol, Self, TypeVar

import asyncpg

from referral.adapters.postgres.core.connector import TIMEOUTS, Connection, Connector
from referral.adapters.postgres.core.errors import FAILURES, translated
from referral.adapters.postgres.core.one_connection import OneConnection
from referral.adapters.postgres.core.patience import Patience, patience
from referral.adapters.postgres.core.pool import Pool
from referral.adapters.postgres.core.statement import Statement
from referral.domain.errors import DatabaseUnavailable

TRIES = 4
JITTER_SECONDS = 0.05

_BEGIN_POOLED = "; ".join(
    [
        "BEGIN ISOLATION LEVEL READ COMMITTED",
        *(f"SET LOCAL {name} = '{v}'" for name, v in TIMEOUTS.items()),
    ]
)

_BEGIN_SNAPSHOT = "; ".join(
    [
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        *(f"SET LOCAL {name} = 0" for name in TIMEOUTS),
    ]
)

P = ParamSpec("P")
T = TypeVar("T")


class Queries(Protocol):
    """Runs statements: on a connection from the pool each, or all within one transaction."""

    async def all(self, statement: Statement, **values: Any) -> Sequence[asyncpg.Record]: ...

    async def one(self, statement: Statement, **values: Any) -> asyncpg.Record | None: ...

    async def execute(self, statement: Statement, **values: Any) -> None: ...


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Queries at one moment of the database."""

    connection: Connection

    async def all(self, statement: Statement, **values: Any) -> Sequence[asyncpg.Record]:
        rows: Sequence[asyncpg.Record] = await self.connection.fetch(
            statement.sql, *statement.arguments(values)
        )
        return rows

    async def shares(
        self, statement: Statement, size: int, **values: Any
    ) -> AsyncIterator[Sequence[asyncpg.Record]]:
        """The rows of one query, so many at a time, with others between."""
        cursor = await self.connection.cursor(statement.sql, *statement.arguments(values))
        while rows := await cursor.fetch(size):
            yield rows


@dataclass(slots=True)
class Database:
    """Runs statements on connections that it keeps; `async with` closes them at the end.

    Every error comes out in the domain's words: DatabaseUnavailable within two seconds, when nothing was done,
    or OutcomeUnknown, when that cannot be said of a write. The service heals by itself: a connection that did
    not answer is thrown away.
    """

    url: str = field(repr=False)
    pool_size: int = 10
    statement_cache_size: int = 1024
    pool: Pool = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.pool = Pool(Connector(self.url, self.statement_cache_size), self.pool_size)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.pool.close()

    def connection(self) -> OneConnection:
        """Queries on one connection that nobody else uses, with `async with`."""
        return OneConnection(self.pool, patience())

    async def all(self, statement: Statement, **values: Any) -> Sequence[asyncpg.Record]:
        return await self.again(self._alone, Connection.fetch, statement, values)

    async def one(self, statement: Statement, **values: Any) -> asyncpg.Record | None:
        return await self.again(self._alone, Connection.fetchrow, statement, values)

    async def execute(self, statement: Statement, **values: Any) -> None:
        await self.again(self._alone, Connection.execute, statement, values)

    async def _alone(
        self,
        left: Patience,
        fetch: Callable[..., Awaitable[T]],
        statement: Statement,
        values: dict[str, Any],
    ) -> T:
        if statement.writes and self.pool.connector.pooled:
            async with self.transaction(left) as connection:
                return await connection.run(fetch, statement, values)
        async with OneConnection(self.pool, left) as connection:
            writing = statement.writes and not statement.on_the_side
            return await connection.run(fetch, statement, values, writing=writing)

    @asynccontextmanager
    async def transaction(self, left: Patience | None = None) -> AsyncIterator[OneConnection]:
        """Queries in one transaction: committed at a clean end, else undone."""
        async with OneConnection(self.pool, left or patience()) as connection:
            connection.usable = False  # until it is known how it ended
            await connection.command(_BEGIN_POOLED if self.pool.connector.pooled else "BEGIN")
            try:
                yield connection
            except Exception:
                if connection.answers:
                    await connection.command("ROLLBACK")
                    connection.usable = True
                raise
            await connection.command("COMMIT", writing=True)
            connection.usable = True
            for call in connection.after_commit:
                call()

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Snapshot]:
        """Queries that all see one moment and take as long as they need, on a connection of their own."""
        try:
            connection = await self.pool.connector.connect()
        except FAILURES as error:
            raise DatabaseUnavailable from error
        try:
            await connection.execute(_BEGIN_SNAPSHOT)
            yield Snapshot(connection)
        except FAILURES as error:
            refusal = translated(error)
            if refusal is None:
                raise
            raise refusal from error
        finally:
            connection.terminate()

    @staticmethod
    async def again(
        attempt: Callable[Concatenate[Patience, P], Awaitable[T]], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """What the attempt returns; one that was undone for no reason of its own, as in a deadlock, is repeated."""
        left = patience()
        tries = TRIES
        while True:
            try:
                return await attempt(left, *args, **kwargs)
            except DatabaseUnavailable as refusal:
                tries -= 1
                if not tries or not refusal.was_undone:
                    raise
            await asyncio.sleep(random.uniform(0, JITTER_SECONDS))  # noqa: S311  no secret

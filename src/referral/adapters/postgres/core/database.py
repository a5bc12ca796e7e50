import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Concatenate, NoReturn, ParamSpec, Protocol, Self, TypeVar

import asyncpg

from referral.adapters.postgres.core.connector import TIMEOUTS, Connection, Connector
from referral.adapters.postgres.core.errors import (
    FAILURES,
    MISPLACED,
    READ_ONLY,
    is_lost,
    translated,
)
from referral.adapters.postgres.core.pool import Pool
from referral.adapters.postgres.core.statement import Statement
from referral.domain.errors import DatabaseUnavailable

# What a call waits for the database in all, so that it is refused within the two seconds that are promised.
CALL_SECONDS = 1.6
TRIES = 4
JITTER_SECONDS = 0.05

_BEGIN_POOLED = "; ".join(
    [
        "BEGIN ISOLATION LEVEL READ COMMITTED",
        *(f"SET LOCAL {name} = '{v}'" for name, v in TIMEOUTS.items()),
    ]
)

P = ParamSpec("P")
T = TypeVar("T")


class Queries(Protocol):
    """Runs statements: on a connection from the pool each, or all within one transaction."""

    async def all(self, statement: Statement, **values: Any) -> Sequence[asyncpg.Record]: ...

    async def one(self, statement: Statement, **values: Any) -> asyncpg.Record | None: ...

    async def execute(self, statement: Statement, **values: Any) -> None: ...


@dataclass(slots=True)
class Patience:
    """How long a call still waits for the database."""

    seconds: float = CALL_SECONDS


_of_this_call: ContextVar[Patience | None] = ContextVar("patience", default=None)


def begin_call() -> None:
    """All that this task asks of the database from here on is one call, and waits CALL_SECONDS in all.

    Where nobody says so, each statement and each transaction is a call.
    """
    _of_this_call.set(Patience())


def _patience() -> Patience:
    return _of_this_call.get() or Patience()


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

    def connection(self) -> "OneConnection":
        """Queries on one connection that nobody else uses, with `async with`."""
        return OneConnection(self.pool, _patience())

    async def all(self, statement: Statement, **values: Any) -> Sequence[asyncpg.Record]:
        return await self.again(self._alone, Connection.fetch, statement, values)

    async def one(self, statement: Statement, **values: Any) -> asyncpg.Record | None:
        return await self.again(self._alone, Connection.fetchrow, statement, values)

    async def execute(self, statement: Statement, **values: Any) -> None:
        await self.again(self._alone, Connection.execute, statement, values)

    async def _alone(
        self,
        patience: Patience,
        fetch: Callable[..., Awaitable[T]],
        statement: Statement,
        values: dict[str, Any],
    ) -> T:
        if statement.writes and self.pool.connector.pooled:
            async with self.transaction(patience) as connection:
                return await connection.run(fetch, statement, values)
        async with OneConnection(self.pool, patience) as connection:
            writing = statement.writes and not statement.on_the_side
            return await connection.run(fetch, statement, values, writing=writing)

    @asynccontextmanager
    async def transaction(self, patience: Patience | None = None) -> AsyncIterator["OneConnection"]:
        """Queries in one transaction: committed at a clean end, else undone."""
        async with OneConnection(self.pool, patience or _patience()) as connection:
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

    @staticmethod
    async def again(
        attempt: Callable[Concatenate[Patience, P], Awaitable[T]], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """What the attempt returns; one that was undone for no reason of its own, as in a deadlock, is repeated."""
        patience = _patience()
        tries = TRIES
        while True:
            try:
                return await attempt(patience, *args, **kwargs)
            except DatabaseUnavailable as refusal:
                tries -= 1
                if not tries or not refusal.was_undone:
                    raise
            await asyncio.sleep(random.uniform(0, JITTER_SECONDS))  # noqa: S311  no secret


class OneConnection:
    """Queries on one connection, for as long as the block lasts."""

    __slots__ = (
        "_deadline",
        "_generation",
        "_patience",
        "_pool",
        "answers",
        "connection",
        "usable",
    )

    def __init__(self, pool: Pool, patience: Patience) -> None:
        self._pool = pool
        self._patience = patience
        self.answers = self.usable = True

    async def __aenter__(self) -> Self:
        self._deadline = time.monotonic() + self._patience.seconds
        try:
            self.connection = self._pool.idle() or await self._pool.take(self._patience.seconds)
        except FAILURES as error:
            self._patience.seconds = self._deadline - time.monotonic()
            _refuse(error)
        self._generation = self._pool.generation
        return self

    async def __aexit__(self, _: object, error: BaseException | None, __: object) -> None:
        # Who was interrupted may have left an answer on the way.
        usable = self.usable and self.answers and isinstance(error, Exception | None)
        self._pool.release(self.connection, self._generation, usable=usable)
        self._patience.seconds = self._deadline - time.monotonic()

    @asynccontextmanager
    async def step(self) -> AsyncIterator[None]:
        """A part of a transaction that is undone alone when it fails."""
        await self.command("SAVEPOINT step")
        try:
            yield
        except Exception:
            if self.answers:
                await self.command("ROLLBACK TO SAVEPOINT step")
            raise
        await self.command("RELEASE SAVEPOINT step")

    async def all(self, statement: Statement, **values: Any) -> Sequence[asyncpg.Record]:
        return await self.run(Connection.fetch, statement, values)

    async def one(self, statement: Statement, **values: Any) -> asyncpg.Record | None:
        return await self.run(Connection.fetchrow, statement, values)

    async def execute(self, statement: Statement, **values: Any) -> None:
        await self.run(Connection.execute, statement, values)

    async def run(
        self,
        fetch: Callable[..., Awaitable[T]],
        statement: Statement,
        values: dict[str, Any],
        *,
        writing: bool = False,
    ) -> T:
        """What `fetch` returns; `writing` says that it is not known to be undone when no answer comes."""
        arguments = statement.arguments(values)
        seconds = self._seconds()
        try:
            return await fetch(self.connection, statement.sql, *arguments, timeout=seconds)
        except FAILURES as error:
            self._note(error)
            _refuse(error, writing=writing)

    async def command(self, command: str, *, writing: bool = False) -> None:
        seconds = self._seconds()
        try:
            await self.connection.execute(command, timeout=seconds)
        except FAILURES as error:
            self._note(error)
            _refuse(error, writing=writing)

    def _seconds(self) -> float:
        seconds = self._deadline - time.monotonic()
        if seconds <= 0:
            raise DatabaseUnavailable
        return seconds

    def _note(self, error: Exception) -> None:
        """Remember what it says of this connection, and of the others."""
        lost = is_lost(error)
        if isinstance(error, MISPLACED):
            self._pool.connector.expect_pooler()
        # One answer that takes long says nothing about the others.
        if isinstance(error, (READ_ONLY, *MISPLACED)) or (
            lost and not isinstance(error, TimeoutError)
        ):
            self._pool.distrust()
        self.answers = self.answers and not lost and not isinstance(error, asyncpg.InterfaceError)


def _refuse(error: Exception, *, writing: bool = False) -> NoReturn:
    refusal = translated(error, writing=writing)
    if refusal is None:
        raise error
    raise refusal from error

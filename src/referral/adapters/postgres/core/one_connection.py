import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, NoReturn, Self, TypeVar

import asyncpg

from referral.adapters.postgres.core.connector import Connection
from referral.adapters.postgres.core.errors import (
    FAILURES,
    MISPLACED,
    READ_ONLY,
    is_lost,
    translated,
)
from referral.adapters.postgres.core.patience import Patience
from referral.adapters.postgres.core.pool import Pool
from referral.adapters.postgres.core.statement import Statement
from referral.domain.errors import DatabaseUnavailable

T = TypeVar("T")


class OneConnection:
    """Queries on one connection, for as long as the block lasts."""

    __slots__ = (
        "_deadline",
        "_generation",
        "_patience",
        "_pool",
        "after_commit",
        "answers",
        "connection",
        "usable",
    )

    def __init__(self, pool: Pool, patience: Patience) -> None:
        self._pool = pool
        self._patience = patience
        self.answers = self.usable = True
        self.after_commit: list[Callable[[], object]] = []  # called when what was done is stored

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

"""One transaction for all that a call writes, however many units of work it is made of."""

from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from referral.adapters.postgres.core.database import Database
from referral.adapters.postgres.core.errors import ROLLED_BACK
from referral.adapters.postgres.core.one_connection import OneConnection
from referral.adapters.postgres.core.statement import Statement
from referral.domain.errors import DatabaseUnavailable


@dataclass(slots=True)
class Joint:
    """A transaction that opens with the first write, and ends when its owner says so."""

    database: Database
    stack: AsyncExitStack
    _connection: OneConnection | None = field(default=None, init=False)

    @property
    def has_written(self) -> bool:
        return self._connection is not None

    @asynccontextmanager
    async def step(self) -> AsyncIterator[OneConnection]:
        """A part of it that is undone alone when it fails, and can be done again unless the server is the wrong one."""
        if self._connection is None:
            self._connection = await self.stack.enter_async_context(self.database.transaction())
        try:
            async with self._connection.step():
                yield self._connection
        except DatabaseUnavailable as refusal:
            refusal.was_undone = isinstance(refusal.__cause__, ROLLED_BACK)
            raise

    async def all(self, statement: Statement, **values: Any) -> Sequence[asyncpg.Record]:
        async with self.step() as connection:
            return await connection.all(statement, **values)

    async def one(self, statement: Statement, **values: Any) -> asyncpg.Record | None:
        async with self.step() as connection:
            return await connection.one(statement, **values)

    async def execute(self, statement: Statement, **values: Any) -> None:
        async with self.step() as connection:
            await connection.execute(statement, **values)


JOINT: ContextVar[Joint | None] = ContextVar("JOINT", default=None)
"""The one that what is written now belongs to, if any."""


@dataclass(frozen=True, slots=True)
class JoiningQueries:
    """Runs each statement by itself; where there is a joint transaction, one that writes runs in that, and what is read after it.

    So a call sees what it wrote itself, and needs no second connection while it has one.
    """

    database: Database

    def all(self, statement: Statement, **values: Any) -> Awaitable[Sequence[asyncpg.Record]]:
        return self._place_of(statement).all(statement, **values)

    def one(self, statement: Statement, **values: Any) -> Awaitable[asyncpg.Record | None]:
        return self._place_of(statement).one(statement, **values)

    def execute(self, statement: Statement, **values: Any) -> Awaitable[None]:
        return self._place_of(statement).execute(statement, **values)

    def _place_of(self, statement: Statement) -> Database | Joint:
        joint = JOINT.get()
        return joint if joint and (statement.writes or joint.has_written) else self.database

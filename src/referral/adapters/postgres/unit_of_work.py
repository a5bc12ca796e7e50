from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

from referral.adapters.postgres.database import Database, Patience, Queries
from referral.adapters.postgres.joint import JOINT
from referral.adapters.postgres.referral_codes import PostgresReferralCodes
from referral.adapters.postgres.referrals import PostgresReferrals
from referral.adapters.postgres.refresh_tokens import PostgresRefreshTokens
from referral.adapters.postgres.users import PostgresUsers

T = TypeVar("T")


class PostgresTransaction:
    """The stores, on one connection."""

    def __init__(self, queries: Queries) -> None:
        self.users = PostgresUsers(queries)
        self.codes = PostgresReferralCodes(queries)
        self.referrals = PostgresReferrals(queries)
        self.refresh_tokens = PostgresRefreshTokens(queries)


@dataclass(frozen=True, slots=True)
class PostgresUnitOfWork:
    database: Database

    async def run(self, work: Callable[[PostgresTransaction], Awaitable[T]]) -> T:
        return await self.database.again(self._once, work)

    async def _once(
        self, patience: Patience, work: Callable[[PostgresTransaction], Awaitable[T]]
    ) -> T:
        async with self.begin(patience) as transaction:
            return await work(transaction)

    @asynccontextmanager
    async def begin(self, patience: Patience | None = None) -> AsyncIterator[PostgresTransaction]:
        """One transaction, never repeated: for work that others do things in the middle of."""
        joint = JOINT.get()
        async with joint.step() if joint else self.database.transaction(patience) as connection:
            yield PostgresTransaction(connection)

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

from referral.adapters.postgres.access.refresh_tokens import PostgresRefreshTokens
from referral.adapters.postgres.accounts.participants import PostgresParticipants
from referral.adapters.postgres.accounts.users import PostgresUsers
from referral.adapters.postgres.core.database import Database
from referral.adapters.postgres.core.joint import JOINT
from referral.adapters.postgres.core.one_connection import OneConnection
from referral.adapters.postgres.core.patience import call_of_its_own
from referral.adapters.postgres.programs.programs import PostgresPrograms
from referral.adapters.postgres.programs.referral_codes import PostgresReferralCodes
from referral.adapters.postgres.programs.referrals import PostgresReferrals
from referral.adapters.postgres.rewards.decisions import PostgresDecisions
from referral.adapters.postgres.rewards.events import PostgresEvents
from referral.adapters.postgres.rewards.payouts import PostgresPayouts
from referral.adapters.postgres.rewards.rewards import PostgresRewards
from referral.adapters.postgres.webhooks.endpoints import PostgresEndpoints
from referral.adapters.postgres.webhooks.outbox import PostgresListeners, PostgresOutbox
from referral.application.ports import Randomness


class PostgresTransaction:
    """The stores, on one connection."""

    def __init__(
        self, queries: OneConnection, listeners: PostgresListeners, randomness: Randomness
    ) -> None:
        self.users = PostgresUsers(queries)
        self.participants = PostgresParticipants(queries)
        self.programs = PostgresPrograms(queries)
        self.codes = PostgresReferralCodes(queries)
        self.referrals = PostgresReferrals(queries)
        self.events = PostgresEvents(queries)
        self.rewards = PostgresRewards(queries)
        self.decisions = PostgresDecisions(queries)
        self.payouts = PostgresPayouts(queries)
        self.endpoints = PostgresEndpoints(queries)
        self.outbox = PostgresOutbox(queries, listeners, randomness)
        self.refresh_tokens = PostgresRefreshTokens(queries)


@dataclass(frozen=True, slots=True)
class PostgresUnitOfWork:
    database: Database
    listeners: PostgresListeners
    randomness: Randomness

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[PostgresTransaction]:
        joint = JOINT.get()
        async with joint.step() if joint else self.database.transaction() as connection:
            yield PostgresTransaction(connection, self.listeners, self.randomness)

    @contextmanager
    def apart(self) -> Iterator[None]:
        joint = JOINT.set(None)
        try:
            with call_of_its_own():
                yield
        finally:
            JOINT.reset(joint)

"""What each process has to keep fresh before it serves."""

from datetime import timedelta

import pytest

from referral.adapters.postgres.access.key_ring import PostgresKeyRing
from referral.adapters.postgres.access.standing import PostgresStanding
from referral.adapters.postgres.core.clock import PostgresClock
from referral.adapters.postgres.housekeeping import PostgresHousekeeping
from referral.adapters.postgres.webhooks.outbox import PostgresListeners
from referral.domain.errors import DatabaseUnavailable


async def test_f11_it_is_not_ready_before_the_time_is_known(database):
    clock = PostgresClock(database)
    standing = PostgresStanding(database, clock, timedelta(minutes=15))
    housekeeping = PostgresHousekeeping(
        database, clock, standing, PostgresKeyRing(database, clock), PostgresListeners(database)
    )

    with pytest.raises(DatabaseUnavailable):
        await housekeeping.ensure_ready()

    await clock.look()
    await housekeeping.ensure_ready()

"""What each process has to keep fresh before it serves."""

import json
from datetime import timedelta

import pytest

from databases import a_unit_of_work
from examples import NOW, an_endpoint
from referral.adapters.postgres.access.key_ring import PostgresKeyRing
from referral.adapters.postgres.access.standing import PostgresStanding
from referral.adapters.postgres.core.clock import PostgresClock
from referral.adapters.postgres.housekeeping import PostgresHousekeeping
from referral.adapters.postgres.webhooks.deliveries import PostgresDeliveries
from referral.adapters.postgres.webhooks.endpoints import PostgresEndpoints
from referral.adapters.postgres.webhooks.outbox import PostgresListeners
from referral.adapters.system import SystemRandomness
from referral.application.pages import ListRequest
from referral.domain.errors import DatabaseUnavailable
from referral.domain.webhooks.attempt import Attempt
from referral.domain.webhooks.message import Message, MessageType


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


async def test_messages_are_swept_when_their_time_is_over_or_their_endpoint_is_deleted(
    database, clock
):
    standing = PostgresStanding(database, clock, timedelta(minutes=15))
    housekeeping = PostgresHousekeeping(
        database, clock, standing, PostgresKeyRing(database, clock), PostgresListeners(database)
    )
    endpoints, deliveries = (
        PostgresEndpoints(database),
        PostgresDeliveries(database, SystemRandomness()),
    )
    kept, deleted = an_endpoint(1), an_endpoint(2)
    for endpoint in (kept, deleted):
        await endpoints.add(endpoint)
    async with a_unit_of_work(database).begin() as tx:
        for n in range(3):
            await tx.outbox.add(Message(MessageType.CODE_ISSUED, {"n": n}, NOW))
    for after, delivery in enumerate(await deliveries.due(kept.id, clock.now(), 2), 1):
        taken = Attempt(at=clock.now(), status=200)
        await deliveries.record([delivery.after(taken, jitter=0, keep=timedelta(days=after))])
    await endpoints.delete(deleted.id, clock.now())
    clock.advance(days=1)

    await housekeeping.sweep()

    async def left(endpoint):
        page = await deliveries.page_of(endpoint.id, ListRequest())
        return [json.loads(delivery.body)["data"]["n"] for delivery in page.items]

    assert sorted(await left(kept)) == [1, 2]
    assert await left(deleted) == []

"""What each process has to keep fresh before it serves."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import select

from databases import a_unit_of_work
from examples import NOW, a_user, an_endpoint, an_id
from referral.adapters.postgres import housekeeping as housekeeping_module
from referral.adapters.postgres.access.key_ring import PostgresKeyRing
from referral.adapters.postgres.access.standing import PostgresStanding
from referral.adapters.postgres.accounts.tables import network_sightings
from referral.adapters.postgres.accounts.users import PostgresUsers
from referral.adapters.postgres.core.clock import PostgresClock
from referral.adapters.postgres.core.statement import Statement
from referral.adapters.postgres.housekeeping import SWEPT_AT_A_TIME, PostgresHousekeeping
from referral.adapters.postgres.programs.programs import PostgresPrograms
from referral.adapters.postgres.webhooks.deliveries import PostgresDeliveries
from referral.adapters.postgres.webhooks.endpoints import PostgresEndpoints
from referral.adapters.postgres.webhooks.outbox import PostgresListeners
from referral.adapters.system import SystemRandomness
from referral.application.pages import ListRequest
from referral.domain.accounts.sighting import NetworkName, Sighting
from referral.domain.errors import DatabaseUnavailable
from referral.domain.programs.program import NewProgram, Slug
from referral.domain.programs.terms import Terms
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


@pytest.fixture
def housekeeping(database, clock):
    standing = PostgresStanding(database, clock, timedelta(minutes=15))
    return PostgresHousekeeping(
        database, clock, standing, PostgresKeyRing(database, clock), PostgresListeners(database)
    )


@pytest.fixture
def endpoints(database):
    return PostgresEndpoints(database)


@pytest.fixture
def deliveries(database):
    return PostgresDeliveries(database, SystemRandomness())


async def test_networks_are_forgotten_after_30_days(database, housekeeping, clock):
    burst = {"sign_ups": 2, "within_hours": 720, "then": "hold"}
    await PostgresPrograms(database).add(
        NewProgram(slug=Slug("asking"), name="Asking", created_at=NOW),
        Terms.parse({"review": {"same_network": burst}}),
    )
    users, home = PostgresUsers(database), NetworkName(b"home")
    for number in (1, 2):
        clock.advance(seconds=1)
        await users.add(a_user(f"user{number}", number=number), Sighting(home, clock.now()))
    clock.advance(days=30, seconds=-1)

    await housekeeping.sweep()

    seen = await database.all(Statement(select(network_sightings.c.person_id)))
    assert [row["person_id"] for row in seen] == [an_id(2)]


async def test_messages_are_swept_when_their_time_is_over_or_their_endpoint_is_deleted(
    *, database, housekeeping, endpoints, deliveries, clock
):
    kept, deleted = an_endpoint(1), an_endpoint(2)
    for endpoint in (kept, deleted):
        await endpoints.add(endpoint)
    async with a_unit_of_work(database).begin() as tx:
        for n in range(3):
            await tx.outbox.add(Message(MessageType.CODE_ISSUED, {"n": n}, NOW))
    for after, delivery in enumerate(await deliveries.due(kept, clock.now(), 2), 1):
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


@pytest.fixture
def fill(database):
    """Store so many messages that were delivered to this endpoint, to be kept until then."""

    async def fill(endpoint_id, count, expires_at):
        async with database.connection() as connection:
            await connection.command(
                f"""INSERT INTO webhook_deliveries
                        (endpoint_id, message_id, type, body, created_at, status, expires_at)
                    SELECT '{endpoint_id}', gen_random_uuid(), 'code.issued', repeat('x', 300), now(), 'delivered',
                           '{expires_at}'
                    FROM generate_series(1, {count})"""
            )

    return fill


async def test_more_messages_than_are_swept_at_a_time_are_swept_in_several_bites(
    *, housekeeping, deliveries, clock, fill
):
    await fill(an_endpoint(1).id, 2 * SWEPT_AT_A_TIME + 1, clock.now())
    await fill(an_endpoint(2).id, 1, clock.now() + timedelta(seconds=1))

    await housekeeping.sweep()

    left = [await deliveries.page_of(an_endpoint(n).id, ListRequest()) for n in (1, 2)]
    assert [len(page.items) for page in left] == [0, 1]


async def test_to_find_that_a_deleted_endpoint_has_no_messages_those_of_others_are_not_read(
    *, database, endpoints, clock, fill
):
    await endpoints.add(an_endpoint(1))
    await endpoints.delete(an_endpoint(1).id, clock.now())
    await fill(an_endpoint(2).id, 20_000, clock.now())
    sweep = housekeeping_module._SWEEPS[-1]

    async with database.connection() as connection:
        await connection.command("ANALYZE webhook_deliveries")
        rows = await connection.connection.fetch(f"EXPLAIN {sweep.sql}", *sweep.arguments({}))

    plan = "\n".join(row[0] for row in rows)
    assert "using webhook_deliveries_pkey" in plan
    assert "Seq Scan on webhook_deliveries" not in plan

"""A database that has no connection or no time left for a call: who cannot be served is refused soon, and the rest is served."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack

import asyncpg
import httpx
import pytest

from clusters import one_node
from databases import execute, query
from people import FAR, join
from referral.adapters.postgres.migrate import migrate
from servers import eventually, running

POOL = 2
CONNECTIONS = 20
OURS = """
    SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'referral' ORDER BY pid
"""
WAITING = f"SELECT count(*) >= {POOL} FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
SLOW = """
    CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql
    AS $$ BEGIN PERFORM pg_sleep(30); RETURN NEW; END $$
"""

pytestmark = pytest.mark.anyio


@pytest.fixture
def node():
    with one_node(max_connections=str(CONNECTIONS), superuser_reserved_connections="1") as node:
        migrate(node.url)
        yield node


@pytest.fixture
def server(node, tmp_path):
    with running(tmp_path, node.url, pool_size=POOL) as server:
        yield server


@pytest.fixture
def client(server):
    with server.client() as client:
        yield client


@pytest.fixture
async def other(node):
    """Someone else's connection."""
    connection = await asyncpg.connect(node.url)
    yield connection
    await connection.close()


def assert_refused_within(seconds: float, answer: httpx.Response) -> None:
    assert answer.status_code == 503, answer.text
    assert answer.json()["type"] == "/problems/database-unavailable"
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.elapsed.total_seconds() <= seconds


async def test_f12_who_gets_no_connection_is_refused_within_a_second_and_the_next_is_served(
    node, server, client, other
):
    ann, bob = join(client), join(client)
    code = ann.new_code()
    async with other.transaction():
        await other.execute("SELECT FROM users WHERE id = $1 FOR UPDATE", ann.id)
        async with server.crowd() as calls:
            held = [
                asyncio.create_task(calls.delete(f"/codes/{code}", headers=ann.bearer))
                for _ in range(POOL)
            ]
            await asyncio.to_thread(eventually, lambda: query(node.url, WAITING) == [(True,)])

            refused = await asyncio.to_thread(bob.get, "/users/me")
            alive = await asyncio.to_thread(client.get, f"{server.address}/health/live")
            await asyncio.wait(held)

    assert_refused_within(1, refused)
    assert alive.status_code == 200
    for call in held:
        assert_refused_within(2, call.result())
    assert bob.get("/users/me").status_code == 200
    assert ann.delete(f"/codes/{code}").status_code == 204


async def test_f13_who_waits_for_a_lock_is_refused_in_time_and_the_connection_is_good(
    node, client, other
):
    ann = join(client)
    code = ann.new_code()
    before = query(node.url, OURS)
    async with other.transaction():
        await other.execute("SELECT FROM users FOR UPDATE")

        refused = await asyncio.to_thread(ann.delete, f"/codes/{code}")

        assert query(node.url, WAITING.replace(str(POOL), "1")) == [(False,)], "nobody waits on"
    assert_refused_within(2, refused)
    assert ann.delete(f"/codes/{code}").status_code == 204
    assert query(node.url, OURS) == before


def test_f13_a_slow_statement_is_ended_in_time_and_the_connection_is_good(node, client):
    ann = join(client)
    before = query(node.url, OURS)
    execute(node.url, SLOW)
    execute(
        node.url,
        "CREATE TRIGGER slow BEFORE INSERT ON referral_codes FOR EACH ROW EXECUTE FUNCTION slow()",
    )

    assert_refused_within(2, ann.issue())

    execute(node.url, "DROP TRIGGER slow ON referral_codes")
    assert ann.issue().status_code == 201
    assert query(node.url, OURS) == before


async def test_f14_while_others_have_all_connections_calls_are_refused_and_then_served(
    node, server, client
):
    ann = join(client)
    async with AsyncExitStack() as stack:
        others = await take_all_connections(node, stack)

        refused = await asyncio.to_thread(ann.get, "/users/me")
        async with server.crowd() as calls:
            answers = await asyncio.gather(
                *(
                    calls.post("/codes", json={"expires_at": FAR}, headers=ann.bearer)
                    for _ in range(20)
                )
            )

        assert len(others) == CONNECTIONS
    assert_refused_within(2, refused)
    assert Counter(answer.status_code for answer in answers) == {503: 20}
    eventually(lambda: ann.get("/users/me").status_code == 200, seconds=2)
    assert ann.issue().status_code == 201


async def take_all_connections(node, stack) -> list[asyncpg.Connection]:
    """Connections of others, which have thrown out the service's."""
    others: list[asyncpg.Connection] = []
    while len(others) < CONNECTIONS:
        try:
            other = await asyncpg.connect(node.url)
        except asyncpg.TooManyConnectionsError:
            await others[0].execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'referral'"
            )
            await asyncio.sleep(0.005)
        else:
            stack.push_async_callback(other.close)
            others.append(other)
    return others


async def test_f14_with_one_connection_left_everybody_is_served_in_turn(node, server, client):
    ann = join(client)
    async with AsyncExitStack() as stack:
        try:
            while True:
                other = await asyncpg.connect(node.url)
                stack.push_async_callback(other.close)
        except asyncpg.TooManyConnectionsError:
            pass

        async with server.crowd() as calls:
            answers = await asyncio.gather(
                *(calls.get("/users/me", headers=ann.bearer) for _ in range(30))
            )

    assert {answer.status_code for answer in answers} == {200}

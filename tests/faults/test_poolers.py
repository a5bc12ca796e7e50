"""The service behind a PgBouncer that pools transactions, with nothing set for it."""

import asyncio
import json
import re
import time
from collections import Counter

import asyncpg
import pytest

from clusters import one_node
from databases import query
from operators import make_keys
from people import FAR, details
from poolers import PROGRAMS, pooler_before
from receivers import receiving
from referral.adapters.postgres.migrate import migrate
from servers import eventually, running

# What an operator lets pass who has read what PgBouncer refused.
IGNORED = "jit,lock_timeout,statement_timeout,idle_in_transaction_session_timeout"


@pytest.fixture(scope="module")
def node():
    with one_node() as node:
        migrate(node.url)
        yield node


@pytest.fixture(
    scope="module",
    params=[
        {},
        {"ignore_startup_parameters": IGNORED},
        {"pool_mode": "session", "default_pool_size": 40},
    ],
    ids=["refusing", "ignoring", "sessions"],
)
def settings(request):
    return request.param


@pytest.fixture(scope="module", params=PROGRAMS)
def pooler(request, node, settings):
    with pooler_before(node, request.param, **settings) as url:
        yield url


@pytest.fixture(scope="module")
def server(pooler, tmp_path_factory):
    place = tmp_path_factory.mktemp("server")
    with running(place, pooler, workers=2, webhook_private_networks="on") as server:
        yield server


@pytest.mark.anyio
async def test_many_at_once_are_served(server, client, ann):
    async def come_and_go(n):
        person = details()
        code = ann_code
        joined = await crowd.post("/auth/user", json={**person, "code": code})
        tokens = await crowd.post(
            "/auth/token", json={"username": person["username"], "password": person["password"]}
        )
        bearer = {"Authorization": f"Bearer {tokens.json()['access_token']}"}
        issued = await crowd.post("/codes", headers=bearer, json={"expires_at": FAR})
        found = await crowd.get(f"/codes/{person['email']}", headers=bearer)
        gone = await crowd.delete(f"/codes/{issued.json()['code']}", headers=bearer)
        return [answer.status_code for answer in (joined, tokens, issued, found, gone)]

    ann_code = ann.new_code()
    async with server.crowd() as crowd:
        for _ in range(4):
            answers = await asyncio.gather(*map(come_and_go, range(5)))
            assert answers == [[201, 200, 201, 200, 204]] * 5
    assert ann.get(f"/users/{ann.id}").json()["total"] == 20


def test_the_log_says_once_for_each_worker_that_there_is_a_pooler(server, ann):
    def said():
        lines = map(json.loads, re.findall(r"^{.*}$", server.log.read_text(), re.MULTILINE))
        return Counter(
            line["pid"] for line in lines if line["event"] == "pooler before the database"
        )

    eventually(lambda: len(said()) == 2)
    assert set(said().values()) == {1}


@pytest.mark.anyio
def test_f14_nothing_is_said_of_connections_that_a_pooler_shares_out(server, ann):
    assert not any(line["event"].endswith("database connections") for line in server.lines())


async def test_who_waits_for_a_lock_is_refused_and_leaves_nobody_waiting(node, ann):
    code = ann.new_code()
    holder = await asyncpg.connect(node.url)
    async with holder.transaction():
        await holder.execute("SELECT * FROM users FOR UPDATE")
        await holder.execute("SELECT * FROM referral_codes FOR UPDATE")

        for answer in (ann.issue(replace_active=True), ann.issue(), ann.delete(f"/codes/{code}")):
            assert answer.status_code == 503
            assert answer.json()["type"] == "/problems/database-unavailable"
            assert answer.elapsed.total_seconds() < 2
        assert query(node.url, "SELECT count(*) FROM pg_locks WHERE NOT granted") == [(0,)]
    await holder.close()

    assert ann.delete(f"/codes/{code}").status_code == 204


def test_what_is_set_for_a_transaction_is_not_left_to_others(pooler, ann):
    ann.new_code()

    assert query(pooler, "SELECT current_setting('lock_timeout')") == [("0",)]


def test_a_message_to_a_webhook_arrives_within_a_second(server):
    [key] = make_keys(server.database_url, shop=["webhooks:write", "participants:write"]).values()
    with receiving() as receiver, server.client() as shop:
        shop.headers.update(key.bearer)
        endpoint = {"url": f"{receiver.address}/good", "events": ["participant.*"]}
        eventually(lambda: shop.post("/webhooks", json=endpoint).status_code == 201)
        time.sleep(1)  # it is promised to hear of what begins a second later

        assert shop.put("/participants/behind-a-pooler", json={}).status_code == 201
        assert shop.delete("/participants/behind-a-pooler").status_code == 204

        eventually(lambda: len(receiver.at("/good")) >= 2)
        kinds = {arrival.told["type"]: arrival.seconds for arrival in receiver.at("/good")}
        assert kinds.keys() == {"participant.created", "participant.erased"}
        assert max(kinds.values()) < 1


def test_f04_a_restart_of_the_server_behind_it_is_survived(node, server, ann):
    node.stop()
    assert ann.get("/users/me").status_code == 503
    node.start()

    eventually(lambda: ann.get("/users/me").status_code == 200)
    code = ann.new_code()
    assert ann.get(f"/codes/{code}/status").json()["is_active"]

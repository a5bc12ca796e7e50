"""Messages to webhook endpoints, from a real server with two workers to a receiver on this machine."""

import asyncio
import os
import re
import signal
import time

import pytest

from databases import query
from operators import make_keys, operate
from receivers import receiving
from servers import SECRET, eventually, running
from terminals import on_a_terminal

SUBJECTS = ["participant.*", "code.*", "referral.*"]


@pytest.fixture(scope="module")
def server(databases, tmp_path_factory):
    with (
        databases.migrated() as url,
        running(
            tmp_path_factory.mktemp("deliveries"), url, workers=2, webhook_private_networks="on"
        ) as server,
    ):
        yield server


@pytest.fixture(scope="module")
def shop(server):
    """A client with a key that the server knows."""
    scopes = ["webhooks:write", "participants:write", "codes:write"]
    [key] = make_keys(server.database_url, shop=scopes).values()
    with server.client() as client:
        client.headers.update(key.bearer)
        eventually(lambda: all(client.get("/webhooks").is_success for _ in range(8)))
        yield client


@pytest.fixture
def receiver():
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def listen(shop, receiver):
    """Make an endpoint at a path of the receiver's, which hears of all that begins from now on; deleted at the end."""
    made = []

    def listen(*paths):
        answers = [
            shop.post("/webhooks", json={"url": receiver.address + path, "events": SUBJECTS})
            for path in paths
        ]
        made.extend(answer.json() for answer in answers)
        time.sleep(1)  # it is promised to hear of what begins a second later
        return made

    yield listen
    for endpoint in made:
        shop.delete(f"/webhooks/{endpoint['id']}")


async def enrol(server, shop, names, pause=0.0):
    """Enrol people of these names, so fast."""
    async with server.crowd(8, headers=shop.headers) as client:
        tasks = []
        for name in names:
            tasks.append(asyncio.create_task(client.put(f"/participants/{name}", json={})))
            await asyncio.sleep(pause)
        answers = await asyncio.gather(*tasks)
    assert {answer.status_code for answer in answers} == {201}


def names_in(arrivals):
    return [arrival.told["data"]["external_id"] for arrival in arrivals]


def test_a_message_arrives_within_a_second_is_counted_and_its_signature_verifies(
    server, shop, receiver, listen
):
    [endpoint] = listen("/good")

    shop.put("/participants/in-time", json={"email": "rose@example.org"})

    eventually(lambda: receiver.at("/good"))
    [arrival] = receiver.at("/good")
    told = arrival.verified(endpoint["secret"])
    assert told["type"] == "participant.created"
    assert told["data"]["external_id"] == "in-time"
    assert "rose" not in arrival.body
    counted = re.compile(
        r'^referral_webhook_deliveries_total\{outcome="delivered"\} [1-9]', re.MULTILINE
    )
    eventually(lambda: counted.search(server.get("/metrics").text))
    assert arrival.seconds < 1


def test_during_a_rotation_both_secrets_verify_and_afterwards_the_new_one(shop, receiver, listen):
    [endpoint] = listen("/good")
    rotated = shop.post(f"/webhooks/{endpoint['id']}/rotate-secret").json()

    shop.put("/participants/rotated", json={})

    eventually(lambda: receiver.at("/good"))
    [arrival] = receiver.at("/good")
    assert arrival.verified(endpoint["secret"]) == arrival.verified(rotated["secret"])
    assert arrival.headers["webhook-signature"].count("v1,") == 2


def test_endpoints_that_fail_hang_or_are_slow_delay_no_other(server, shop, receiver, listen):
    listen("/hangs", "/broken", "/slow", "/good")
    names = [f"beside-{n}" for n in range(400)]

    asyncio.run(enrol(server, shop, names, pause=1 / 200))

    eventually(lambda: len(receiver.at("/good")) == len(names))
    good = receiver.at("/good")
    assert {*names_in(good)} == {*names}
    assert max(arrival.seconds for arrival in good) < 1
    assert len(receiver.at("/hangs")) == 1
    assert 1 <= len(receiver.at("/slow")) < len(names)
    assert 1 <= len(receiver.at("/broken")) < 20


def test_what_was_told_one_after_the_other_arrives_in_that_order(shop, receiver, listen):
    listen("/good")
    names = [f"in-order-{n}" for n in range(100)]

    for name in names:
        shop.put(f"/participants/{name}", json={})

    eventually(lambda: len(receiver.at("/good")) == len(names))
    assert names_in(receiver.at("/good")) == names


def test_when_workers_are_killed_every_message_arrives_under_its_one_id(
    server, shop, receiver, listen
):
    [endpoint] = listen("/slow")
    names = [f"killed-{n}" for n in range(6)]
    asyncio.run(enrol(server, shop, names))
    eventually(lambda: receiver.at("/slow"))

    for worker in server.workers:
        os.kill(worker, signal.SIGKILL)
    lanes_end(server)

    eventually(lambda: {*names_in(receiver.at("/slow"))} == {*names}, 60)
    ids = {}
    for arrival in receiver.at("/slow"):
        ids.setdefault(arrival.told["data"]["external_id"], set()).add(arrival.id)
        arrival.verified(endpoint["secret"])
    assert all(len(of_one) == 1 for of_one in ids.values())
    eventually(lambda: pending(server, endpoint) == 0)


def lanes_end(server):
    """A minute passes for the lanes of those that were killed, which they cannot end themselves."""
    query(
        server.database_url,
        "UPDATE webhook_endpoints SET lane_until = lane_until - interval '1 minute' RETURNING 1",
    )


def pending(server, endpoint):
    [(count,)] = query(
        server.database_url,
        "SELECT count(*) FROM webhook_deliveries"
        f" WHERE status = 'pending' AND endpoint_id = '{endpoint['id']}'",
    )
    return count


def test_a_call_that_is_refused_is_told_to_nobody(server, shop, receiver, listen):
    listen("/good")

    shop.put("/participants/told", json={"username": "told"})
    refused = shop.put("/participants/untold", json={"username": "told"})

    assert refused.status_code == 409
    eventually(lambda: receiver.at("/good"))
    shop.put("/participants/told-later", json={})
    eventually(lambda: len(receiver.at("/good")) == 2)
    assert names_in(receiver.at("/good")) == ["told", "told-later"]


def test_what_a_script_does_is_told_too(server, receiver, listen):
    listen("/good")

    operate(
        server.database_url, lambda use: use.accounts.enrol_participant(external_id="by-a-script")
    )

    eventually(lambda: receiver.at("/good"))
    assert names_in(receiver.at("/good")) == ["by-a-script"]


def test_an_endpoint_is_tried_and_what_it_was_sent_is_listed_and_replayed(shop, receiver, listen):
    [endpoint] = listen("/good")
    place = f"/webhooks/{endpoint['id']}"

    tried = shop.post(f"{place}/test")

    assert tried.status_code == 202
    eventually(lambda: shop.get(f"{place}/deliveries?status=delivered").json()["items"])
    [listed] = shop.get(f"{place}/deliveries?status=delivered").json()["items"]
    assert (listed["id"], listed["type"]) == (tried.json()["id"], "webhook.test")
    assert (listed["attempts"], listed["last_status"], listed["last_answer"]) == (1, 200, "")
    for wanted in ({"message": listed["id"]}, {"from": "2020-01-01T00:00:00Z"}):
        before = len(receiver.at("/good"))
        eventually(lambda: shop.get(f"{place}/deliveries?status=delivered").json()["items"])
        replayed = shop.post(f"{place}/replay", json=wanted)
        assert (replayed.status_code, replayed.json()) == (
            202,
            {"replayed": 1, "next_cursor": None},
        )
        eventually(lambda before=before: len(receiver.at("/good")) == before + 1)
    assert {arrival.id for arrival in receiver.at("/good")} == {listed["id"]}
    for wrong in ({}, {"message": listed["id"], "from": "2020-01-01T00:00:00Z"}):
        assert shop.post(f"{place}/replay", json=wrong).status_code == 422
    bad = shop.post(f"{place}/replay", json={"from": "2020-01-01T00:00:00Z", "cursor": "x"})
    assert [error["pointer"] for error in bad.json()["errors"]] == ["#/cursor"]


def test_a_replay_on_a_terminal_shows_how_far_it_is_until_all_is_delivered(
    server, shop, receiver, listen
):
    [endpoint] = listen("/good")
    names = [f"replayed-{n}" for n in range(5)]
    for name in names:
        shop.put(f"/participants/{name}", json={})
    eventually(lambda: len(receiver.at("/good")) == len(names))
    eventually(lambda: pending(server, endpoint) == 0)

    seen, status = on_a_terminal(
        *("webhook", "replay", endpoint["id"], "--from", "2020-01-01T00:00:00Z"),
        environment={"REFERRAL_DATABASE_URL": server.database_url, "REFERRAL_SECRET": SECRET},
    )

    seen = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", seen)
    assert status == 0, seen
    assert re.search(r"Replaying .*100%.* 5/5", seen)
    assert re.search(r"replayed +│ 5 .*\s.* waiting +│ 0 ", seen)
    assert names_in(receiver.at("/good")) == [*names, *names]

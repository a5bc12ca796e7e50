"""A primary and its standby: one is killed, changes places with the other, or stops answering.

Clients write through the HTTP API meanwhile, and what they were told is held against the database in the end.
"""

import asyncio
import re
import signal
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from clusters import Pair, pair_of_nodes
from databases import query
from long_form import REPEATS
from people import FAR, details, join
from proxies import black_hole, proxy_before
from referral.adapters.postgres.migrate import migrate
from servers import Server, eventually, is_ready, running, start
from writers import writing

pytestmark = pytest.mark.anyio


@pytest.fixture
def pair():
    """A primary with the tables, and a standby that has to have what is acknowledged."""
    with pair_of_nodes(synchronous=True) as pair:
        migrate(pair.primary.url)
        yield pair


@pytest.fixture
def black_holed():
    """The place of a host that says nothing, as it stands in a URL before others."""
    with black_hole() as port:
        yield f"127.0.0.1:{port},"


async def fail_over(pair: Pair) -> None:
    await asyncio.to_thread(pair.fail_over)


@pytest.mark.parametrize("first_host", ["one of the two", "a black hole"])
async def test_f06_f21_a_fail_over_to_a_synchronous_standby_loses_nothing_and_writes_are_back_in_two_seconds(
    pair, black_holed, first_host, tmp_path
):
    url = pair.url.replace("@", f"@{black_holed}") if first_host == "a black hole" else pair.url
    with running(tmp_path, url, workers=2) as server:
        async with writing(server.address, tmp_path) as writers:
            for _ in range(REPEATS):
                await fail_over(pair)
                assert await writers.acknowledged(1) < 2
                await asyncio.to_thread(eventually, lambda: is_ready(server.address), seconds=2)
                await asyncio.to_thread(pair.replicate)
                await writers.acknowledged(100)

    assert writers.ledger.faults(pair.primary.url) == []


async def test_f06_what_an_asynchronous_standby_did_not_get_is_reported_as_lost(tmp_path):
    with pair_of_nodes(synchronous=False) as pair:
        migrate(pair.primary.url)
        pair.standby.wait_for("SELECT count(*) = 1 FROM pg_tables WHERE tablename = 'referrals'")
        with running(tmp_path, pair.url, workers=2) as server:
            async with writing(server.address, tmp_path, keys=False) as writers:
                await asyncio.to_thread(pair.standby.configure, primary_conninfo="")
                pair.standby.wait_for("SELECT count(*) = 0 FROM pg_stat_wal_receiver")
                await writers.acknowledged(100)
                await fail_over(pair)

        faults = writers.ledger.faults(pair.primary.url)

    assert [fault for fault in faults if fault.startswith("lost: user:")]
    assert [fault for fault in faults if fault.startswith("lost: code:")]


# --- a call whose outcome is not known, repeated after the fail-over


def codes_after_a_repeated_call(pair: Pair, directory, **headers: str) -> int:
    """How many codes there are when the call that issued one was not answered, and is repeated of the new primary."""
    with proxy_before(pair.primary.url) as proxy:
        url = pair.url.replace(f":{pair.primary.port}", f":{proxy.port}")
        with running(directory, url) as server, server.client() as client:
            ann = join(client)

            def issue() -> httpx.Response:
                body = {"expires_at": FAR, "replace_active": True}
                return client.post("/codes", json=body, headers=ann.bearer | headers)

            proxy.lost_after = b"COMMIT"
            assert issue().json()["type"] == "/problems/outcome-unknown"
            pair.fail_over()
            eventually(lambda: issue().status_code == 201)
    [(codes,)] = query(pair.primary.url, "SELECT count(*) FROM referral_codes")
    return codes


@pytest.mark.usefixtures("again")
def test_f21_a_call_repeated_with_its_key_after_a_fail_over_is_done_once(pair, tmp_path):
    assert codes_after_a_repeated_call(pair, tmp_path, **{"Idempotency-Key": "1"}) == 1


@pytest.mark.usefixtures("again")
def test_f21_a_call_repeated_without_a_key_after_a_fail_over_is_done_twice(pair, tmp_path):
    assert codes_after_a_repeated_call(pair, tmp_path) == 2


# --- the primary becomes a standby


async def test_f07_connections_to_a_primary_that_became_read_only_are_each_used_once_at_most(
    pair, tmp_path
):
    with running(tmp_path, pair.url, workers=2) as server:
        # With a key, a call repeats what was undone within its one transaction.
        async with writing(server.address, tmp_path, keys=False) as writers:
            for _ in range(REPEATS):
                old = pair.primary
                await asyncio.to_thread(pair.switch_over)
                assert await writers.acknowledged(1) < 2
                await asyncio.to_thread(eventually, lambda: is_ready(server.address), seconds=2)
                await writers.acknowledged(100)
                refused = Counter(
                    re.findall(r"^(\d+) 25006 ERROR", old.log.read_text(), re.MULTILINE)
                )
                assert refused
                assert set(refused.values()) == {1}
                await asyncio.to_thread(old.stop)
                await asyncio.to_thread(pair.replicate)
                await writers.acknowledged(100)
                assert is_ready(server.address)

    assert writers.ledger.faults(pair.primary.url) == []


def test_f07_a_service_is_ready_while_its_only_host_is_a_primary_and_not_while_it_is_a_standby(
    pair, tmp_path
):
    server = start(tmp_path, pair.standby.url)
    try:
        eventually(lambda: answers(server, "live") == 200)
        for _ in range(REPEATS):
            assert answers(server, "ready") == 503

            pair.fail_over()
            eventually(lambda: answers(server, "ready") == 200, seconds=2)
            with server.client() as client:
                join(client)

            pair.replicate()
            pair.fail_over()
            pair.replicate()
    finally:
        server.process.terminate()
        assert server.process.wait(20) == 0


def answers(server: Server, question: str) -> int:
    try:
        return server.get(f"/health/{question}", timeout=5).status_code
    except httpx.TransportError:
        return 0


# --- the standby does not answer


@pytest.mark.usefixtures("again")
def test_f08_while_the_synchronous_standby_is_away_no_write_is_acknowledged_and_reads_go_on(
    pair, tmp_path
):
    with running(tmp_path, pair.url) as server, server.client() as client:
        ann = join(client)
        bob = details("bob")
        pair.standby.stop()

        writes = [client.post("/auth/user", json=bob), ann.issue()]
        again = client.post("/auth/user", json=bob)

        for answer in writes:
            assert answer.json()["type"] == "/problems/outcome-unknown"
            assert answer.elapsed.total_seconds() < 3
        assert again.json()["type"] == "/problems/database-unavailable"
        assert ann.get("/users/me").status_code == 200
        assert answers(server, "ready") == 200

        pair.standby.start()
        eventually(lambda: client.post("/auth/user", json=bob).status_code == 409)
        assert ann.issue(replace_active=True).status_code == 201


@pytest.mark.usefixtures("again")
def test_f08_a_registration_that_the_standby_did_not_confirm_is_confirmed_when_it_is_back(
    pair, tmp_path
):
    with (
        running(tmp_path, pair.url, bcrypt_cost=13) as server,
        server.client() as client,
        ThreadPoolExecutor() as others,
    ):
        hashing = client.post("/auth/user", json=details("bob")).elapsed

        def register() -> httpx.Response:
            return client.post("/auth/user", json=details("ann"), headers={"Idempotency-Key": "1"})

        first = others.submit(register)
        pair.primary.wait_for("SELECT count(*) = 1 FROM idempotency_records")
        pair.standby.send(signal.SIGSTOP)  # while the password is hashed
        unknown = first.result()
        again = [register() for _ in range(2)]
        pair.standby.send(signal.SIGCONT)

        assert unknown.json()["type"] == "/problems/outcome-unknown"
        assert (unknown.elapsed - hashing).total_seconds() < 3
        assert [answer.status_code for answer in again] == [503, 503]
        confirmed = register()
        assert confirmed.status_code == 201
        assert confirmed.headers["idempotency-replayed"] == "true"
    assert query(pair.standby.url, "SELECT id::text FROM users WHERE username = 'ann'") == [
        (confirmed.json()["id"],)
    ]

"""Guessing, harvesting and taking too much are slowed down, by all processes together."""

import itertools
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from databases import query
from people import details, join, register
from servers import PASSWORD, running

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def server(databases, tmp_path_factory):
    """A server that limits, with two workers, behind a proxy on this machine that it trusts."""
    with (
        databases.migrated() as url,
        running(
            tmp_path_factory.mktemp("server"),
            url,
            workers=2,
            rate_limits="on",
            trusted_proxies="127.0.0.1",
        ) as server,
    ):
        yield server


@pytest.fixture
def client(server):
    """A client at an address where nobody was before."""
    with server.client() as client:
        client.headers["X-Forwarded-For"] = an_address()
        yield client


def an_address() -> str:
    number = next(_numbers)
    return f"198.18.{number // 256}.{number % 256}"


def a_name() -> str:
    return f"name{next(_numbers)}"


@pytest.fixture
def victim(client):
    """The name of someone who never logged in."""
    return register(client, **details(a_name()))["username"]


def guess(client, username, password="wrong", address=None):
    return client.post(
        "/auth/token",
        json={"username": username, "password": password},
        headers={"X-Forwarded-For": address} if address else None,
    )


def statuses(answers):
    return [answer.status_code for answer in answers]


def assert_too_many(answer, at_most):
    assert answer.status_code == 429
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "/problems/too-many-attempts"
    assert 1 <= int(answer.headers["retry-after"]) <= at_most


def buckets(server):
    [(count,)] = query(server.database_url, "SELECT count(*) FROM rate_limits")
    return count


@pytest.mark.parametrize("known", [True, False])
def test_a11_a12_the_sixth_wrong_password_for_a_name_has_to_wait(client, victim, known):
    name = victim if known else a_name()

    answers = [guess(client, spelled) for spelled in (name, name.upper(), name.title()) * 2]

    assert statuses(answers) == [401] * 5 + [429]
    assert_too_many(answers[-1], at_most=300)


def test_a12_the_address_is_no_way_round_the_limit_for_the_name(client, victim):
    spellings = (victim, f"{victim}@example.org", f"{victim}@EXAMPLE.org".upper())

    assert statuses(guess(client, s) for s in spellings * 2) == [401] * 5 + [429]


def test_a09_a_wrong_password_and_an_unknown_user_are_answered_alike_to_the_byte(client, victim):
    tried = (victim, f"{victim}@example.org", a_name(), "nobody@example.org", "no name", "")

    answers = [guess(client, name) for name in tried]

    for answer in answers:
        del answer.headers["date"], answer.headers["x-request-id"]
    assert {(a.status_code, tuple(a.headers.raw), a.content) for a in answers} == {
        (401, tuple(answers[0].headers.raw), answers[0].content)
    }


def test_a13_a16_guesses_sent_together_are_no_way_round(server, victim):
    headers = {"X-Forwarded-For": an_address()}

    def one_of_them(number):
        body = {"username": victim, "password": f"guess {number}"}
        return httpx.post(f"{server.api}/auth/token", json=body, headers=headers, timeout=20)

    with ThreadPoolExecutor(20) as pool:
        answers = Counter(statuses(pool.map(one_of_them, range(100))))

    assert answers[401] <= 5
    assert answers.keys() <= {401, 429, 503}


def test_twelve_right_log_ins_at_once_lock_nobody(server, victim):
    headers = {"X-Forwarded-For": an_address()}
    body = {"username": victim, "password": PASSWORD}

    def one_of_them(_):
        return httpx.post(f"{server.api}/auth/token", json=body, headers=headers, timeout=20)

    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(one_of_them, range(12)))

    for answer in answers:
        assert answer.status_code == 200 or answer.headers["retry-after"] == "1"
    assert statuses(map(one_of_them, range(12))) == [200] * 12


def test_a14_one_address_cannot_try_one_name_after_another(client):
    answers = [guess(client, a_name()) for _ in range(11)]

    assert statuses(answers) == [401] * 10 + [429]
    assert_too_many(answers[-1], at_most=60)


def test_a_refused_address_leaves_no_trace_of_300_names_it_made_up(server, client):
    for _ in range(10):
        guess(client, a_name())
    before = buckets(server)

    answers = [guess(client, a_name()) for _ in range(300)]

    assert set(statuses(answers)) == {429}
    assert buckets(server) <= before  # fewer when some were swept meanwhile


@pytest.mark.parametrize("addresses", [10, 50])
def test_a17_who_guesses_from_many_addresses_does_not_lock_the_owner_out(client, victim, addresses):
    for address in [an_address() for _ in range(addresses)]:
        for _ in range(5):
            assert guess(client, victim, address=address).status_code in {401, 429}

    assert guess(client, victim, PASSWORD, address=an_address()).status_code == 200


def test_a17_at_an_address_used_before_the_owner_may_mistype_while_others_guess(client, victim):
    assert guess(client, victim, PASSWORD).status_code == 200
    for address in [an_address() for _ in range(10)]:
        for _ in range(5):
            guess(client, victim, address=address)

    assert statuses(guess(client, victim) for _ in range(4)) == [401] * 4
    assert guess(client, victim, PASSWORD).status_code == 200


@pytest.mark.parametrize(
    "same_caller",
    [
        lambda n: f"10.0.0.{n}, 192.0.2.9",
        lambda n: f"192.0.2.10:{4000 + n}",
        lambda n: ("192.0.2.11", "::ffff:192.0.2.11", "::ffff:c000:20b")[n % 3],
        lambda n: f"2001:db8:0:1:{n:x}::{n:x}",
        lambda n: f"[2001:DB8:0:2::{n:x}]:{4000 + n}",
    ],
)
def test_a15_one_caller_has_one_bucket_whatever_the_header_says(client, same_caller):
    name = a_name()

    answers = [guess(client, name, address=same_caller(n)) for n in range(6)]

    assert statuses(answers) == [401] * 5 + [429]


def test_a15_without_trusted_proxies_the_header_is_nothing(databases, tmp_path):
    with (
        databases.migrated() as url,
        running(tmp_path, url, rate_limits="on") as server,
        server.client() as client,
    ):
        answers = [guess(client, "victim", address=an_address()) for _ in range(6)]

    assert statuses(answers) == [401] * 5 + [429]


def test_a23_e06_one_address_can_register_20_times_a_minute(client):
    body = details(a_name())

    answers = [client.post("/auth/user", json=body) for _ in range(21)]

    assert statuses(answers) == [201] + [409] * 19 + [429]
    assert_too_many(answers[-1], at_most=60)


def test_c09_looking_up_one_address_after_another_has_to_wait(client):
    ann = join(client)

    answers = [ann.get(f"/codes/no.one{n}@example.org") for n in range(31)]

    assert statuses(answers) == [404] * 30 + [429]
    assert_too_many(answers[-1], at_most=60)


def test_c11_guessing_codes_has_to_wait_and_then_finds_none(client):
    code = join(client).new_code()

    answers = [client.get(f"/codes/GUESS-{n}/status") for n in range(100)]

    # The bucket is closed by the worker that filled it, and by the other at its first miss.
    assert statuses(answers) == [404] * 20 + [429] * 80
    assert_too_many(answers[-1], at_most=60)
    for answer in (
        client.get(f"/codes/{code}/status"),
        client.post(f"/auth/user/{code}", json=details(a_name())),
    ):
        assert_too_many(answer, at_most=60)
    elsewhere = client.get(f"/codes/{code}/status", headers={"X-Forwarded-For": an_address()})
    assert elsewhere.status_code == 200


def test_codes_that_are_there_can_be_read_without_end(server, client):
    code = join(client).new_code()
    before = buckets(server)

    answers = [client.get(f"/codes/{code}/status") for _ in range(200)]

    assert set(statuses(answers)) == {200}
    assert buckets(server) <= before  # fewer when some were swept meanwhile


def test_e11_refreshing_without_a_pause_has_to_wait(client):
    token = join(client).tokens["refresh_token"]

    for _ in range(60):
        form = {"grant_type": "refresh_token", "refresh_token": token}
        answer = client.post("/auth/token", data=form)
        assert answer.status_code == 200
        token = answer.json()["refresh_token"]
    refused = client.post("/auth/token", data=form | {"refresh_token": token})

    assert_too_many(refused, at_most=60)
    assert refused.json()["error"] == "temporarily_unavailable"


def test_e11_issuing_one_code_after_another_has_to_wait(server, client):
    ann = join(client)

    answers = [ann.issue(replace_active=True) for _ in range(40)]

    assert statuses(answers) == [201] * 30 + [429] * 10
    assert_too_many(answers[-1], at_most=3600)
    issued = f"SELECT count(*) FROM referral_codes WHERE owner_id = '{ann.id}'"
    assert query(server.database_url, issued) == [(30,)]

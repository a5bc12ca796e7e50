"""Guessing and harvesting are slowed down, by all processes together."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from people import join, log_in, register
from servers import PASSWORD, running


@pytest.fixture
def server(databases, tmp_path):
    """A server that limits, with two workers, behind a proxy on this machine that it trusts."""
    with (
        databases.migrated() as url,
        running(tmp_path, url, workers=2, rate_limits="on", trusted_proxies="127.0.0.1") as server,
    ):
        yield server


@pytest.fixture
def client(server):
    with server.client() as client:
        yield client


def guess(client, username, password="wrong", **headers):
    body = {"username": username, "password": password}
    return client.post("/auth/token", json=body, headers=headers)


@pytest.mark.parametrize("known", [True, False])
def test_a11_a12_the_sixth_wrong_password_for_a_name_has_to_wait(client, known):
    name = register(client, username="Victim")["username"] if known else "nobody"

    answers = [guess(client, spelled) for spelled in (name, name.upper(), name.lower()) * 2]

    assert [answer.status_code for answer in answers] == [401] * 5 + [429]
    assert answers[-1].json()["type"] == "/problems/too-many-attempts"
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 300


def test_a13_a16_guesses_sent_together_are_no_way_round(server, client):
    register(client, username="victim")

    with ThreadPoolExecutor(20) as pool:
        statuses = list(
            pool.map(
                lambda n: (
                    httpx.post(
                        f"{server.api}/auth/token",
                        json={"username": "victim", "password": f"guess {n}"},
                    ).status_code
                ),
                range(100),
            )
        )

    assert statuses.count(401) <= 5
    assert set(statuses) <= {401, 429, 503}


def test_a14_one_address_cannot_try_one_name_after_another(client):
    answers = [guess(client, f"name{n}") for n in range(11)]

    assert [answer.status_code for answer in answers] == [401] * 10 + [429]


def test_a17_who_guesses_does_not_lock_the_owner_out(client):
    register(client, username="victim")
    for _ in range(8):
        guess(client, "victim", **{"X-Forwarded-For": "203.0.113.9"})

    owner = guess(client, "victim", PASSWORD, **{"X-Forwarded-For": "198.51.100.7"})

    assert owner.status_code == 200


def test_a15_only_the_nearest_hop_that_is_no_proxy_of_ours_counts(client):
    answers = [
        guess(client, "victim", **{"X-Forwarded-For": f"10.0.0.{n}, 203.0.113.9"}) for n in range(6)
    ]

    assert answers[-1].status_code == 429


def test_a15_without_trusted_proxies_the_header_is_nothing(databases, tmp_path):
    with (
        databases.migrated() as url,
        running(tmp_path, url, rate_limits="on") as server,
        httpx.Client(base_url=server.api) as client,
    ):
        answers = [
            guess(client, "victim", **{"X-Forwarded-For": f"203.0.113.{n}"}) for n in range(6)
        ]

    assert answers[-1].status_code == 429


def test_logging_in_well_is_never_limited(client):
    register(client, username="regular")

    for _ in range(15):
        log_in(client, "regular")


def test_c09_looking_up_one_address_after_another_has_to_wait(client):
    ann = join(client)

    answers = [ann.get(f"/codes/no.one{n}@example.org") for n in range(31)]

    assert [answer.status_code for answer in answers] == [404] * 30 + [429]

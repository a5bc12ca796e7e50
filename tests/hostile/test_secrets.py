"""A secret that was sent or given out is found nowhere else: in no log, no count and no other answer."""

import asyncio
import base64
import json
import tempfile
from pathlib import Path

import httpx
import pytest

from hostile.description import Description
from hostile.places import Places
from hostile.wire import answers_to
from operators import Key, make_keys
from people import Person, join
from referral.adapters.embedded_postgres import embedded_postgres
from referral.adapters.postgres.migrate import migrate
from servers import eventually, running

SECRET = "canary-of-the-signing-secret-and-longer"
DATABASE_PASSWORD = "canary-of-the-database"
PASSWORD = "canary-of-a-password"
NEW_PASSWORD = "canary-of-another-password"
WRONG_PASSWORD = "canary-of-a-wrong-password"
CODE = "CANARY-OF-A-CODE"


@pytest.fixture(scope="module")
def data_dir():
    """A short path: that of a socket has to be."""
    with tempfile.TemporaryDirectory(prefix="referral-") as directory:
        yield Path(directory) / "data"


@pytest.fixture(scope="module")
def server(data_dir, tmp_path_factory):
    """A server that tells as much as it can, on a database whose log is at hand."""
    with embedded_postgres(data_dir) as url:
        migrate(url)
        with running(
            tmp_path_factory.mktemp("secrets"),
            url.replace("@", f":{DATABASE_PASSWORD}@", 1),
            workers=2,
            secret=SECRET,
            log_level="debug",
        ) as server:
            yield server


def everything_done_with_secrets(client: httpx.Client) -> tuple[list[httpx.Response], Person]:
    """A life with all that can go well and wrong in it; and someone whose secrets are still good."""
    ann, bob = (join(client, password=PASSWORD, username=name) for name in ("ann", "bob"))
    spent = {"grant_type": "refresh_token", "refresh_token": ann.tokens["refresh_token"]}
    answers = [
        client.post("/auth/user", json={"username": "a", "email": PASSWORD, "password": "x"}),
        client.post("/auth/user", json={"username": PASSWORD, "email": "x", "password": PASSWORD}),
        client.post("/auth/user", content=json.dumps({"password": PASSWORD}) + "}"),
        client.post("/auth/user", json=[PASSWORD]),
        client.post("/auth/user", json={"username": "ann", "password": [PASSWORD]}),
        client.post("/auth/token", json={"username": "ann", "password": WRONG_PASSWORD}),
        client.post("/auth/token", json={"username": PASSWORD, "password": WRONG_PASSWORD}),
        client.post("/auth/token", params={"username": "ann", "password": PASSWORD}),
        client.post("/auth/token", data={"grant_type": "password", "password": PASSWORD}),
        client.post("/auth/token", data={"grant_type": PASSWORD, "client_secret": PASSWORD}),
        client.get("/users/me", headers={"Authorization": f"Basic {_basic('ann', PASSWORD)}"}),
        client.get("/users/me", headers={"Authorization": f"{ann.bearer['Authorization']}x"}),
        client.get("/users/me", params={"access_token": str(ann.tokens["access_token"])}),
        ann.issue(code=CODE),
        ann.issue(code=CODE),
        bob.issue(code=CODE),
        bob.issue(code=f"{CODE}!"),
        bob.post("/codes", {"code": CODE, "expires_at": PASSWORD}),
        bob.delete(f"/codes/{CODE}"),
        bob.get(f"/codes/{ann.email}"),
        client.get(f"/codes/{CODE}/status"),
        client.post(f"/auth/user/{CODE}", json={"username": "ann", "password": PASSWORD}),
        client.post("/auth/token", data={"refresh_token": spent["refresh_token"]}),
        ann.post("/users/me/password", {"password": WRONG_PASSWORD, "new_password": NEW_PASSWORD}),
        ann.post("/users/me/password", {"password": PASSWORD, "new_password": "short"}),
        ann.delete("/users/me", {"password": WRONG_PASSWORD}),
    ]
    ann.tokens = client.post("/auth/token", data=spent).json()
    answers += [
        client.post("/auth/token", data=spent),
        client.post("/auth/revoke", json={"token": ann.tokens["refresh_token"]}),
        client.post("/auth/revoke", json={"token": [ann.tokens["refresh_token"]]}),
        ann.post("/users/me/password", {"password": PASSWORD, "new_password": NEW_PASSWORD}),
    ]
    return answers, bob


def everything_done_with_a_key(server, key: Key) -> list[httpx.Response]:
    """What can go well and wrong with an API key; the secret of the one that is made is told in this answer alone."""
    body = {"name": "till", "scopes": ["keys:read"]}
    with server.client() as client:
        client.headers.update(key.bearer)
        eventually(lambda: client.get("/keys").is_success)
        made = client.post("/keys", json=body)
        secret = made.json()["key"]
        assert secret not in str(made.headers)
        later = [
            client.get("/keys"),
            client.get("/keys", headers={"Authorization": f"Bearer {secret}x"}),
            client.get("/keys", headers={"Authorization": f"Basic {secret}"}),
            client.get("/keys", params={"key": secret}),
            client.get("/keys", params={"cursor": secret}),
            client.post("/keys", json={**body, "name": secret * 3}),
            client.post("/keys", json={**body, "scopes": [secret]}),
            client.post("/keys", json={**body, "expires_at": secret}),
            client.post("/keys", json={**body, "key": secret}),
            client.delete(f"/keys/{made.json()['id']}"),
            client.get("/users/me"),
        ]
    assert [answer.url for answer in later if secret in answer.text] == []
    return [*later, made]


def _basic(name: str, password: str) -> str:
    return base64.b64encode(f"{name}:{password}".encode()).decode()


def without_echo(answer: httpx.Response) -> str:
    """What an answer says, but for the caller's own path and, in a success, the value that was asked for."""
    if answer.is_success:
        return str(answer.headers)
    return json.dumps({**answer.json(), "instance": ""}) + str(answer.headers)


def test_l01_no_secret_is_found_in_a_log_a_count_or_an_answer(server, data_dir):
    with server.client() as client:
        answers, bob = everything_done_with_secrets(client)
    given_out = [str(bob.tokens["access_token"]), str(bob.tokens["refresh_token"])]
    secrets = [SECRET, DATABASE_PASSWORD, PASSWORD, NEW_PASSWORD, WRONG_PASSWORD, CODE, *given_out]
    made = make_keys(server.database_url, shop=["keys:write"])["shop"]
    answers += everything_done_with_a_key(server, made)
    secrets += [made.secret, answers[-1].json()["key"]]
    places = Places(Description.of(server.address), bob, CODE, bob)
    requests = [request for secret in secrets for request in places.everywhere(secret)]

    answered = asyncio.run(answers_to(server.address, requests))

    assert [answer for request, answer in answered if answer.status >= 500] == []
    told = [without_echo(answer) for answer in answers]
    told += [
        json.dumps({**json.loads(answer.body), "instance": ""}) + str(answer.headers)
        for _, answer in answered
        if answer.status >= 400 and answer.body
    ]
    counted = server.get("/metrics").text
    said = {
        "an answer": "\n".join(told),
        "a count": counted,
        "the log": server.log.read_text(),
        "the database's log": (data_dir / "postgres.log").read_text(),
    }
    assert len(told) > 500
    assert [(where, s) for where, text in said.items() for s in secrets if s in text] == []

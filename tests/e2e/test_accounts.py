"""Registering, the account, and closing it."""

import time
from itertools import pairwise
from uuid import UUID

import httpx
import pytest

from people import FAR, details, join, log_in, register
from servers import NO_TLS, PASSWORD


@pytest.mark.parametrize("path", ["/auth/user", "/auth/user/"])
def test_who_registers_is_told_id_address_and_name_and_nothing_else(client, path):
    new = details()

    answer = client.post(path, json=new)

    assert answer.status_code == 201
    assert answer.json() == {
        "id": str(UUID(answer.json()["id"])),
        "email": new["email"],
        "username": new["username"],
    }


@pytest.mark.parametrize("spelled", [str.lower, str.upper])
def test_a_code_in_the_path_or_in_the_body_makes_a_referee(client, ann, spelled):
    code = spelled(ann.new_code())

    in_path = client.post(f"/auth/user/{code}", json=details())
    in_body = client.post("/auth/user", json={**details(), "code": code})

    assert (in_path.status_code, in_body.status_code) == (201, 201)
    assert [item["id"] for item in ann.get(f"/users/{ann.id}").json()["items"]] == [
        in_body.json()["id"],
        in_path.json()["id"],
    ]


def test_one_sees_ones_own_account_and_who_brought_one(client, ann):
    referee = join(client, ann.new_code())

    me = referee.get("/users/me").json()

    assert me.keys() == {"id", "email", "username", "created_at", "referrer_id"}
    assert (me["id"], me["email"], me["username"]) == (referee.id, referee.email, referee.username)
    assert me["created_at"].endswith("Z")
    assert me["referrer_id"] == ann.id
    assert "referrer_id" not in ann.get("/users/me").json()


@pytest.mark.parametrize("reference", ["NO-SUCH-CODE", "!!", "withdrawn"])
def test_a24_nobody_registers_with_a_code_that_cannot_be_used(client, ann, reference):
    if reference == "withdrawn":
        reference = ann.new_code()
        ann.delete(f"/codes/{reference}")
    new = details()

    answer = client.post(f"/auth/user/{reference}", json=new)

    assert answer.status_code == 404
    assert answer.json()["type"] == "/problems/code-not-usable"
    assert client.post("/auth/user", json=new).status_code == 201, "it was not registered before"


@pytest.mark.parametrize("field", ["username", "email"])
def test_a_name_or_address_in_another_case_is_the_same(client, ann, field):
    new = {**details(), field: getattr(ann, field).upper()}

    answer = client.post("/auth/user", json=new)

    assert answer.status_code == 409
    assert answer.json()["type"] == f"/problems/{field}-taken"


def test_b15_a_new_password_kills_every_token_within_a_second_on_every_process(client, ann):
    other = log_in(client, ann.username)
    new = "another-Pass-7"

    answer = ann.post("/users/me/password", {"password": PASSWORD, "new_password": new})

    assert answer.status_code == 204
    changed = time.monotonic()
    time_to_die = until_refused(lambda: ann.get("/users/me"), times=40)
    assert time_to_die - changed < 1
    for tokens in (ann.tokens, other):
        form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        assert client.post("/auth/token", data=form).status_code == 401
    assert (
        client.post(
            "/auth/token", json={"username": ann.username, "password": PASSWORD}
        ).status_code
        == 401
    )
    ann.tokens = log_in(client, ann.username, new)
    assert ann.get("/users/me").status_code == 200


def test_after_a_second_new_password_a_token_of_it_is_good_at_once_on_every_process(client, ann):
    passwords = [PASSWORD, "another-Pass-7", "another-Pass-8"]
    for current, new in pairwise(passwords):
        change = ann.post("/users/me/password", {"password": current, "new_password": new})
        assert change.status_code == 204
        ann.tokens = log_in(client, ann.username, new)

        answers = [
            httpx.get(f"{client.base_url}users/me", headers=ann.bearer, verify=NO_TLS)
            for _ in range(40)
        ]

        assert {answer.status_code for answer in answers} == {200}


def until_refused(call, times: int) -> float:
    """When the last call was answered with 200, after which so many calls in a row are 401."""
    last_success, refused = time.monotonic(), 0
    while refused < times:
        if call().status_code == 200:
            last_success, refused = time.monotonic(), 0
        else:
            refused += 1
    return last_success


def test_a_wrong_current_password_changes_nothing(client, ann):
    change = ann.post("/users/me/password", {"password": "wrong", "new_password": "another-Pass-7"})
    erasure = ann.delete("/users/me", {"password": "wrong"})

    for answer in (change, erasure):
        assert answer.status_code == 403
        assert answer.json()["type"] == "/problems/wrong-password"
    assert log_in(client, ann.username)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/users/me", None),
        ("POST", "/codes", {"expires_at": FAR}),
        ("POST", "/codes", {"expires_at": FAR, "replace_active": True}),
        ("DELETE", "/codes/{code}", None),
        ("POST", "/users/me/password", {"password": PASSWORD, "new_password": "another-Pass-7"}),
        ("DELETE", "/users/me", {"password": PASSWORD}),
    ],
)
def test_b15_a_token_of_an_account_that_was_erased_just_now_is_no_token(
    client, ann, method, path, body
):
    code = ann.new_code()
    assert ann.delete("/users/me", {"password": PASSWORD}).status_code == 204

    answers = [
        client.request(method, path.format(code=code), json=body, headers=ann.bearer)
        for _ in range(3)  # before every process heard of it
    ]

    for answer in answers:
        assert answer.status_code == 401
        assert answer.json()["type"] == "/problems/invalid-access-token"
        assert (
            answer.headers["www-authenticate"] == 'Bearer realm="referral", error="invalid_token"'
        )


def test_an_erased_account_is_forgotten_but_stays_counted(client, ann):
    referee = join(client, ann.new_code())
    code = referee.new_code()

    answer = referee.delete("/users/me", {"password": PASSWORD})

    assert answer.status_code == 204
    until_refused(lambda: referee.get("/users/me"), times=20)
    assert (
        client.post(
            "/auth/token", json={"username": referee.username, "password": PASSWORD}
        ).status_code
        == 401
    )
    assert client.get(f"/codes/{code}/status").status_code == 404
    page = ann.get(f"/users/{ann.id}").json()
    assert page["total"] == 1
    assert page["items"][0] == {
        **page["items"][0],
        "id": referee.id,
        "email": None,
        "username": None,
    }
    assert register(client, username=referee.username, email=referee.email), (
        "the name is free again"
    )
    assert ann.issue(code=code, replace_active=True).status_code == 409, "the text is not"

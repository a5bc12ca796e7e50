"""Logging in, refreshing and revoking."""

import base64
import json

import pytest

from people import FAR, log_in
from servers import PASSWORD


@pytest.mark.parametrize("login", ["username", "email"])
@pytest.mark.parametrize("way", ["json", "form"])
def test_one_logs_in_with_name_or_address_as_json_or_as_a_form(client, ann, login, way):
    credentials = {"username": getattr(ann, login).upper(), "password": PASSWORD}

    answer = (
        client.post("/auth/token", json=credentials)
        if way == "json"
        else client.post(
            "/auth/token", data={"grant_type": "password", "client_id": "x", **credentials}
        )
    )

    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json() == {**answer.json(), "token_type": "Bearer", "expires_in": 900}


def test_an_access_token_says_what_rfc_9068_asks_for(ann):
    header, payload, _ = ann.tokens["access_token"].split(".")

    assert decoded(header) == {"alg": "HS256", "typ": "at+jwt", "kid": decoded(header)["kid"]}
    claims = decoded(payload)
    assert claims.keys() >= {"iss", "aud", "sub", "iat", "exp", "jti"}
    assert claims["sub"] == ann.id
    assert claims["exp"] - claims["iat"] == 900


def decoded(part: str) -> dict[str, object]:
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def refresh(client, token, *, way="form"):
    body = {"grant_type": "refresh_token", "refresh_token": token}
    return (
        client.post("/auth/token", data=body)
        if way == "form"
        else client.post("/auth/token", json=body)
    )


@pytest.mark.parametrize("way", ["json", "form"])
def test_a_refresh_token_gets_the_next_pair(client, ann, way):
    answer = refresh(client, ann.tokens["refresh_token"], way=way)

    assert answer.status_code == 200
    assert answer.json()["refresh_token"] != ann.tokens["refresh_token"]
    ann.tokens = answer.json()
    assert ann.get("/users/me").status_code == 200


def test_a_spent_refresh_token_that_comes_back_revokes_its_family_and_no_other(client, ann):
    other = log_in(client, ann.username)
    second = refresh(client, ann.tokens["refresh_token"]).json()

    again = refresh(client, ann.tokens["refresh_token"])

    assert again.status_code == 401
    assert again.json()["error"] == "invalid_grant"
    assert refresh(client, second["refresh_token"]).status_code == 401
    assert refresh(client, other["refresh_token"]).status_code == 200


@pytest.mark.parametrize("way", ["json", "data"])
def test_a_revoked_family_is_dead_and_unknown_tokens_are_no_error(client, ann, way):
    second = refresh(client, ann.tokens["refresh_token"]).json()["refresh_token"]

    answers = [
        client.post("/auth/revoke", **{way: {"token": token}}) for token in (second, second, "none")
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert refresh(client, second).status_code == 401


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"username": "ann", "password": "x"}, "invalid_request"),
        ({"grant_type": "password"}, "invalid_request"),
        ({"grant_type": "refresh_token"}, "invalid_request"),
        ({"grant_type": "client_credentials"}, "unsupported_grant_type"),
    ],
)
def test_a18_a_form_that_is_no_grant_is_refused_with_its_oauth_error(client, form, error):
    answer = client.post("/auth/token", data=form)

    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["error"] == error


@pytest.mark.parametrize(
    "body",
    [
        b"grant_type=password&username=ann&username=bob&password=x",
        b"grant_type=password&username=%ff&password=x",
    ],
    ids=["a19_repeated", "a20_no_utf8"],
)
def test_a_form_that_cannot_be_read_is_refused(client, body):
    form = {"Content-Type": "application/x-www-form-urlencoded"}

    answer = client.post("/auth/token", content=body, headers=form)

    assert answer.status_code == 400


@pytest.mark.parametrize("password", ["wrong-password", "", "x" * 73, "é" * 60, "nul\0nul"])
def test_a09_an_unknown_user_and_a_wrong_password_get_the_same_answer(client, ann, password):
    wrong, unknown = (
        client.post("/auth/token", json={"username": username, "password": password})
        for username in (ann.username, "nobody-of-this-name")
    )

    assert wrong.status_code == unknown.status_code == 401
    assert wrong.content == unknown.content
    varying = ("date", "x-request-id")
    assert {k: v for k, v in wrong.headers.items() if k not in varying} == {
        k: v for k, v in unknown.headers.items() if k not in varying
    }


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("Authorization", "Basic YW5uOng=")],
        [("Authorization", "Bearer")],
        [("Authorization", "Bearer not.a.token")],
        [("Authorization", "Bearer {token}"), ("Authorization", "Bearer {token}")],
        [("Authorization", "Bearer {token}x")],
        [("Cookie", "access_token={token}")],
    ],
)
def test_b16_a_call_needs_one_good_bearer_token(client, ann, headers):
    token = ann.tokens["access_token"]

    answer = client.get(
        "/users/me", headers=[(name, value.format(token=token)) for name, value in headers]
    )

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith('Bearer realm="referral"')
    assert client.get("/users/me", headers={"authorization": f"bEARER {token}"}).status_code == 200


@pytest.mark.parametrize("name", ["access_token", "token", "authorization", "bearer"])
def test_b16_a_token_in_the_address_or_the_body_is_none(client, ann, name):
    token = ann.tokens["access_token"]

    answers = [
        client.get("/users/me", params={name: token}),
        client.get("/users/me", params={name: f"Bearer {token}"}),
        client.request("GET", "/users/me", data={name: token}),
        client.get("/users/me", headers={"Cookie": f"{name}={token}"}),
        client.post("/codes", json={"expires_at": FAR, name: token}),
    ]

    assert {answer.status_code for answer in answers} == {401}

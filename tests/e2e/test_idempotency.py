"""A call that is repeated with its `Idempotency-Key` is done once, and answered alike."""

import asyncio
from collections import Counter
from uuid import uuid4

import pytest

from databases import query
from people import FAR, details
from servers import PASSWORD

REPLAYED = "idempotency-replayed"


@pytest.fixture
def key():
    return str(uuid4())


def post(client, path, body, key, person=None, **options):
    headers = {"Idempotency-Key": key} | (person.bearer if person else {})
    return client.post(path, json=body, headers=headers, **options)


def answers_of(response):
    """What a repeated call has to get again."""
    return response.status_code, response.headers.get("content-type"), response.content


def assert_repeated(first, again):
    assert answers_of(again) == answers_of(first)
    assert REPLAYED not in first.headers
    assert again.headers[REPLAYED] == "true"


def test_a_code_issued_again_with_its_key_is_the_same_code(client, ann, key):
    first = post(client, "/codes", {"expires_at": FAR}, key, ann)
    again = post(client, "/codes", {"expires_at": FAR}, key, ann)

    assert first.status_code == 201
    assert_repeated(first, again)
    assert ann.get("/codes").json()["total"] == 1


def test_an_account_opened_again_with_its_key_is_the_same_account(client, key):
    body = details()

    first = post(client, "/auth/user", body, key)
    again = post(client, "/auth/user", body, key)

    assert first.status_code == 201
    assert_repeated(first, again)


def test_a_referee_is_counted_once(client, ann, key):
    code, body = ann.new_code(), details()

    first = post(client, f"/auth/user/{code}", body, key)
    again = post(client, f"/auth/user/{code}", body, key)

    assert first.status_code == 201
    assert_repeated(first, again)
    assert ann.get(f"/users/{ann.id}").json()["total"] == 1


def test_a_refresh_whose_answer_was_lost_is_no_sign_of_a_thief(client, ann, key):
    body = {"grant_type": "refresh_token", "refresh_token": ann.tokens["refresh_token"]}

    first = post(client, "/auth/token", body, key)
    again = post(client, "/auth/token", body, key)

    assert first.status_code == 200
    assert_repeated(first, again)
    successor = {"grant_type": "refresh_token", "refresh_token": again.json()["refresh_token"]}
    assert client.post("/auth/token", json=successor).status_code == 200


def test_a_log_in_is_repeated_too(client, ann, key):
    body = {"username": ann.username, "password": PASSWORD}

    first = post(client, "/auth/token", body, key)

    assert first.status_code == 200
    assert_repeated(first, post(client, "/auth/token", body, key))


@pytest.mark.parametrize("path", ["/auth/revoke", "/users/me/password"])
def test_a_call_without_an_answers_body_is_repeated_too(path, client, ann, key):
    body = {
        "/auth/revoke": {"token": ann.tokens["refresh_token"]},
        "/users/me/password": {"password": PASSWORD, "new_password": "another Q123werty!23"},
    }[path]

    first = post(client, path, body, key, ann)

    assert first.is_success
    if path == "/auth/revoke":
        assert_repeated(first, post(client, path, body, key, ann))


def test_the_form_of_a_log_in_is_a_request_too(client, ann, key):
    form = {"grant_type": "password", "username": ann.username, "password": PASSWORD}

    first, again = (
        client.post("/auth/token", data=form, headers={"Idempotency-Key": key}) for _ in range(2)
    )

    assert first.status_code == 200
    assert_repeated(first, again)


@pytest.mark.parametrize("change", [{"expires_at": "2031-10-10T12:00:00Z"}, {"code": "OTHER-CODE"}])
def test_f20_a_key_with_another_body_is_refused(client, ann, key, change):
    body = {"expires_at": FAR, "replace_active": True}
    post(client, "/codes", body, key, ann)

    other = post(client, "/codes", body | change, key, ann)

    assert other.status_code == 422
    assert other.json()["type"] == "/problems/idempotency-key-reused"
    assert ann.get("/codes").json()["total"] == 1


def test_f20_a_key_at_another_address_is_refused(client, key):
    post(client, "/auth/user", details(), key)

    assert post(client, "/auth/revoke", {"token": "x"}, key).status_code == 422


def test_a_slash_at_the_end_is_no_other_address(client, ann, key):
    first = post(client, "/codes", {"expires_at": FAR}, key, ann)
    again = post(client, "/codes/", {"expires_at": FAR}, key, ann)

    assert first.status_code == 201
    assert_repeated(first, again)


def test_callers_do_not_share_keys(client, ann, bob, key):
    hers = post(client, "/codes", {"expires_at": FAR}, key, ann)
    his = post(client, "/codes", {"expires_at": FAR}, key, bob)

    assert (hers.status_code, his.status_code) == (201, 201)
    assert hers.json()["user_id"] != his.json()["user_id"]


def test_a_refused_call_leaves_its_key_free(client, ann, key):
    code = ann.new_code()

    refused = post(client, "/codes", {"expires_at": FAR}, key, ann)
    ann.delete(f"/codes/{code}")
    accepted = post(client, "/codes", {"expires_at": FAR}, key, ann)

    assert (refused.status_code, accepted.status_code) == (409, 201)


def test_a_spent_refresh_token_revokes_its_family_with_a_key_too(client, ann, key):
    spent = {"grant_type": "refresh_token", "refresh_token": ann.tokens["refresh_token"]}
    successor = client.post("/auth/token", json=spent).json()["refresh_token"]

    assert post(client, "/auth/token", spent, key).status_code == 401
    body = {"grant_type": "refresh_token", "refresh_token": successor}
    assert client.post("/auth/token", json=body).status_code == 401


def test_a_call_without_a_valid_token_is_refused_before_its_key_counts(client, ann, key):
    assert post(client, "/codes", {"expires_at": FAR}, key).status_code == 401
    ann.tokens["access_token"] = "x"
    assert post(client, "/codes", {"expires_at": FAR}, key, ann).status_code == 401


@pytest.mark.parametrize("bad", ["", "x" * 256, "two words", "ä"])
def test_a_key_that_is_none_is_refused(client, ann, bad):
    answer = post(client, "/codes", {"expires_at": FAR}, bad.encode(), ann)

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == "#/Idempotency-Key"
    assert ann.get("/codes").json()["total"] == 0


def test_two_keys_are_refused(client, ann):
    headers = [*ann.bearer.items(), ("Idempotency-Key", "a"), ("Idempotency-Key", "b")]

    assert client.post("/codes", json={"expires_at": FAR}, headers=headers).status_code == 400


def test_a_key_means_nothing_where_nothing_is_posted(ann, key):
    for _ in range(2):
        answer = ann.client.get("/users/me", headers=ann.bearer | {"Idempotency-Key": key})
        assert answer.status_code == 200
        assert REPLAYED not in answer.headers


def test_what_is_kept_of_calls_is_sealed(server, client, ann, key):
    body = {"username": ann.username, "password": PASSWORD}
    post(client, "/auth/token", body, key)

    rows = query(server.database_url, "SELECT call_id, request, answer FROM idempotency_records")

    kept = b"".join(bytes(value) for row in rows for value in row)
    for word in (PASSWORD, ann.username, ann.email, key, "access_token"):
        assert word.encode() not in kept


@pytest.mark.anyio
async def test_f20_of_100_calls_with_one_key_at_once_one_is_done(server, ann, key):
    headers = ann.bearer | {"Idempotency-Key": key}
    async with server.crowd() as crowd:
        answers = await asyncio.gather(
            *(crowd.post("/codes", json={"expires_at": FAR}, headers=headers) for _ in range(100))
        )

    assert Counter(answer.status_code for answer in answers).keys() <= {201, 409}
    assert len({answer.content for answer in answers if answer.status_code == 201}) == 1
    assert {answer.json()["type"] for answer in answers if answer.status_code == 409} <= {
        "/problems/request-in-progress"
    }
    assert ann.get("/codes").json()["total"] == 1

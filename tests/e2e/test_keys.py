"""API keys and administrators, over a real server with two workers and limits."""

import asyncio
import json
import subprocess
import sys
import time
from collections import Counter

import httpx
import pytest

from databases import query
from operators import Key, make_administrator, make_keys, operate
from people import Person, join, log_in
from referral.domain.access.api_key import key_of
from servers import SECRET, eventually, running, workers_that_answered

LIMIT = 300


@pytest.fixture(scope="module")
def server(databases, tmp_path_factory):
    with (
        databases.migrated() as url,
        running(
            tmp_path_factory.mktemp("keys"),
            url,
            workers=2,
            rate_limits="on",
            key_rate_limit=LIMIT,
        ) as server,
    ):
        yield server


@pytest.fixture
def key(server):
    """A key with every scope about keys, which each worker knows."""
    [made] = make_keys(server.database_url, shop=["keys:write", "events:write"]).values()
    until_all_answer(server, made, 200)
    return made


def call(server, key: Key, method="GET", path="/keys", **options) -> httpx.Response:
    """On a connection of its own, so that another worker may answer it."""
    headers = {**key.bearer, **options.pop("headers", {})}
    return httpx.request(method, server.api + path, headers=headers, timeout=20, **options)


def until_all_answer(server, key: Key, status: int) -> float:
    """Wait until every worker answers a call with this key so, and tell how many seconds that took."""
    began = time.monotonic()
    told = {}

    def all_do():
        answer = call(server, key)
        request_id = answer.headers["x-request-id"]
        lines = []
        while not lines:
            lines = [line for line in server.lines() if line.get("request_id") == request_id]
        told[lines[0]["pid"]] = answer.status_code
        return told == dict.fromkeys(server.workers, status)

    eventually(all_do)
    return time.monotonic() - began


def test_a_key_that_the_command_line_makes_works_on_a_server_that_runs(server):
    done = subprocess.run(
        [
            *(sys.executable, "-m", "referral", "key", "create", "--json"),
            *("--name", "shop", "--scope", "keys:read"),
        ],
        env={"REFERRAL_DATABASE_URL": server.database_url, "REFERRAL_SECRET": SECRET},
        capture_output=True,
        text=True,
        check=True,
    )
    made = json.loads(done.stdout)

    assert until_all_answer(server, Key(made["id"], made["key"]), 200) < 2


def test_a_revoked_key_is_worthless_on_every_worker_within_a_second(server, key):
    answer = call(server, key, "DELETE", f"/keys/{key.id}")
    revoked_at = time.monotonic()

    assert answer.status_code == 204
    until_all_answer(server, key, 401)
    assert time.monotonic() - revoked_at < 2
    assert call(server, key).json()["type"] == "/problems/invalid-access-token"


def test_a_key_is_shown_once(server, key):
    made = call(
        server, key, "POST", json={"name": "till", "scopes": ["events:read"], "expires_at": None}
    )

    assert made.status_code == 201
    listed = call(server, key).json()["items"]
    assert {k: v for k, v in made.json().items() if k != "key"} in listed
    assert made.json()["key"] not in str(listed)


def test_the_list_is_walked_by_cursor(server, key):
    made = [
        call(server, key, "POST", json={"name": f"key {n}", "scopes": ["keys:read"]}).json()["id"]
        for n in range(5)
    ]

    walked, cursor = [], {}
    while cursor is not None:
        page = call(server, key, params={"limit": 2, **cursor}).json()
        walked += [item["id"] for item in page["items"]]
        cursor = {"cursor": page["next_cursor"]} if page["next_cursor"] else None

    assert walked[:5] == made[::-1]
    assert len(walked) == len({*walked})


@pytest.mark.parametrize(
    ("params", "status", "pointer"),
    [
        ({"limit": "0"}, 422, "#/limit"),
        ({"limit": "101"}, 422, "#/limit"),
        ({"limit": "x"}, 422, "#/limit"),
        ({"cursor": "x"}, 422, "#/cursor"),
        ({"cursor": "A" * 22}, 422, "#/cursor"),
        ([("limit", "1"), ("limit", "2")], 400, "#/limit"),
    ],
)
def test_a_page_that_cannot_be_is_refused(server, key, params, status, pointer):
    answer = call(server, key, params=params)

    assert answer.status_code == status
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


def test_all_that_is_wrong_with_a_new_key_is_told_at_once(server, key):
    body = {"name": "", "scopes": ["everything"], "expires_at": "2020-01-01T00:00:00Z"}

    answer = call(server, key, "POST", json=body)

    assert answer.status_code == 422
    assert {error["pointer"] for error in answer.json()["errors"]} == {
        "#/name",
        "#/scopes",
        "#/expires_at",
    }


def test_a_repeated_call_makes_one_key_and_gets_its_secret_again(server, key):
    body = {"name": "once", "scopes": ["keys:read"]}
    once = {"Idempotency-Key": "8e03978e-40d5-43e8-bc93-6894a57f9324"}

    first, second = (call(server, key, "POST", json=body, headers=once) for _ in range(2))

    assert first.status_code == second.status_code == 201
    assert first.json() == second.json()
    assert second.headers["idempotency-replayed"] == "true"
    assert "ratelimit" in second.headers
    assert [k["name"] for k in call(server, key).json()["items"]].count("once") == 1
    other = make_keys(server.database_url, other=["keys:write"])["other"]
    until_all_answer(server, other, 200)
    theirs = call(server, other, "POST", json=body, headers=once)
    assert theirs.status_code == 201
    assert theirs.json()["id"] != first.json()["id"]


def test_when_a_key_was_last_used_is_told(server, key):
    def last_use():
        [mine] = [k for k in call(server, key).json()["items"] if k["id"] == key.id]
        return mine["last_used_at"]

    eventually(last_use)
    assert last_use().endswith(":00Z")


def test_a_caller_is_told_what_is_left_and_refused_when_nothing_is(server):
    [key] = make_keys(server.database_url, busy=["keys:read"]).values()

    async def answers():
        async with server.crowd(20, headers=key.bearer) as client:
            sent = [client.get("/keys") for _ in range(LIMIT + 100)]
            return await asyncio.gather(*sent)

    until_all_answer(server, key, 200)
    answered = asyncio.run(answers())

    statuses = Counter(answer.status_code for answer in answered)
    assert statuses.keys() == {200, 429}
    # Those that were made to wait for the workers have been counted too.
    assert LIMIT - 60 <= statuses[200] <= LIMIT
    refused = next(answer for answer in answered if answer.status_code == 429)
    assert refused.json()["type"] == "/problems/quota-exceeded"
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert refused.headers["ratelimit-policy"] == f'"key";q={LIMIT};w=60'
    assert refused.headers["ratelimit"] == f'"key";r=0;t={refused.headers["retry-after"]}'


def test_people_have_no_quota(server):
    with server.client() as client:
        ann = join(client)
        assert "ratelimit" not in ann.get("/codes").headers


def test_an_administrator_makes_keys_and_is_a_person_as_well(server):
    name = make_administrator(server.database_url)["username"]
    with server.client() as client:
        admin = Person(client, "", name, "", log_in(client, name))
        eventually(lambda: admin.get("/keys").status_code == 200)
        eventually(lambda: admin.post("/keys", {"name": "x", "scopes": ["keys:write"]}).is_success)

        assert admin.get("/users/me").json()["username"] == name
        assert admin.issue().status_code == 201


def test_a_role_that_is_taken_is_worth_nothing_within_a_second(server):
    person = make_administrator(server.database_url)
    with server.client() as client:
        tokens = log_in(client, person["username"])
    token = Key("", str(tokens["access_token"]))
    until_all_answer(server, token, 200)

    operate(server.database_url, lambda use: use.access.revoke_admin(email=person["email"]))
    revoked_at = time.monotonic()

    until_all_answer(server, token, 403)
    assert time.monotonic() - revoked_at < 2


def test_who_made_a_key_is_in_the_audit_log(server, key):
    made = call(server, key, "POST", json={"name": "audited", "scopes": ["keys:read"]})
    lines = []

    def is_written():
        lines[:] = [
            line
            for line in server.lines()
            if line["event"] == "audit" and line["request_id"] == made.headers["x-request-id"]
        ]
        return lines

    eventually(is_written)
    [line] = lines
    assert (line["action"], line["outcome"]) == ("create-key", "done")
    assert (line["key_id"], line["other_key_id"]) == (key.id, made.json()["id"])


SECRET_PART = "0Zz9" * 7 + "Qq"
GOOD_SHAPE = key_of(SECRET_PART)
BAD_KEYS = {
    "nobody's": GOOD_SHAPE,
    "a wrong checksum": GOOD_SHAPE[:-1] + ("0" if GOOD_SHAPE[-1] != "0" else "1"),
    "no checksum": GOOD_SHAPE[:-6],
    "half a checksum": GOOD_SHAPE[:-3],
    "a checksum of zeros": f"rk_{SECRET_PART}000000",
    "a checksum in front": f"rk_{GOOD_SHAPE[-6:]}{SECRET_PART}",
    "one character less": GOOD_SHAPE[:5] + GOOD_SHAPE[6:],
    "one character more": GOOD_SHAPE[:5] + "x" + GOOD_SHAPE[5:],
    "one character twice at the end": GOOD_SHAPE + GOOD_SHAPE[-1],
    "two neighbours swapped": GOOD_SHAPE[:4] + GOOD_SHAPE[5] + GOOD_SHAPE[4] + GOOD_SHAPE[6:],
    "lower case": GOOD_SHAPE.lower(),
    "upper case": GOOD_SHAPE.upper(),
    "swapped case": GOOD_SHAPE.swapcase(),
    "a prefix in capitals": "RK_" + GOOD_SHAPE[3:],
    "a prefix of mixed case": "Rk_" + GOOD_SHAPE[3:],
    "the prefix alone": "rk_",
    "the prefix twice": "rk_" + GOOD_SHAPE,
    "a dash for the underscore": "rk-" + GOOD_SHAPE[3:],
    "another prefix": "sk_" + GOOD_SHAPE[3:],
    "no prefix": GOOD_SHAPE[3:],
    "a blank in it": GOOD_SHAPE[:10] + " " + GOOD_SHAPE[11:],
    "a blank in front": " " + GOOD_SHAPE,
    "a tab in front": "\t" + GOOD_SHAPE,
    "quoted": f'"{GOOD_SHAPE}"',
    "in brackets": f"<{GOOD_SHAPE}>",
    "with a comma": f"{GOOD_SHAPE},{GOOD_SHAPE}",
    "with a semicolon": f"{GOOD_SHAPE};x=1",
    "with a parameter": f"{GOOD_SHAPE} realm=x",
    "percent-encoded": GOOD_SHAPE.replace("_", "%5F"),
    "base64 padding": GOOD_SHAPE + "==",
    "underscores inside": GOOD_SHAPE[:20] + "_" + GOOD_SHAPE[21:],
    "dots as in a JWT": GOOD_SHAPE[:15] + "." + GOOD_SHAPE[16:25] + "." + GOOD_SHAPE[26:],
    "an e with an accent": GOOD_SHAPE[:10] + "é" + GOOD_SHAPE[11:],
    "Cyrillic letters": GOOD_SHAPE[:10] + "а" + GOOD_SHAPE[11:],
    "full-width digits": GOOD_SHAPE[:10] + "０" + GOOD_SHAPE[11:],
    "a zero-width space": GOOD_SHAPE[:10] + "\u200b" + GOOD_SHAPE[10:],
    "an emoji": GOOD_SHAPE[:10] + "😀" + GOOD_SHAPE[11:],
    "a broken byte": GOOD_SHAPE[:10] + "\udcff" + GOOD_SHAPE[11:],
    "a thousand characters": "rk_" + "0" * 1000,
    "as long as a header may be": "rk_" + "0" * 6000,
    "SQL": "rk_' OR 1=1 --",
    "a pattern": "rk_%" + "_" * 35,
    "a template": "rk_{{7*7}}",
    "a null": "rk_null",
}


def bearer(secret: str) -> list[tuple[bytes, bytes]]:
    return [(b"Authorization", b"Bearer " + secret.encode("utf-8", "surrogateescape"))]


HEADERS = {
    **{name: bearer(secret) for name, secret in BAD_KEYS.items()},
    "two good shapes": bearer(GOOD_SHAPE) * 2,
    "another scheme": [(b"Authorization", b"ApiKey " + GOOD_SHAPE.encode())],
    "no scheme": [(b"Authorization", GOOD_SHAPE.encode())],
    "a header of its own": [(b"X-API-Key", GOOD_SHAPE.encode())],
    "a cookie": [(b"Cookie", b"key=" + GOOD_SHAPE.encode())],
}


def test_there_are_many_bad_keys():
    assert len(HEADERS) >= 40


@pytest.mark.parametrize("name", HEADERS)
def test_a_bad_key_opens_nothing_and_leaves_no_trace(server, name):
    answer = httpx.get(f"{server.api}/keys", headers=HEADERS[name])

    assert answer.status_code == 401
    assert answer.json()["type"] == "/problems/invalid-access-token"
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert SECRET_PART not in answer.text
    eventually(
        lambda: (
            answer.headers["x-request-id"] in {line.get("request_id") for line in server.lines()}
        )
    )
    assert SECRET_PART not in server.log.read_text()


def test_two_keys_in_one_call_are_none(server, key):
    answer = httpx.get(f"{server.api}/keys", headers=[*key.bearer.items()] * 2)

    assert answer.status_code == 401


def test_a_key_in_the_query_is_no_key(server, key):
    answer = httpx.get(f"{server.api}/keys", params={"access_token": key.secret})

    assert answer.status_code == 401


def test_a_typo_is_told_as_one(server):
    assert "mistyped" in call(server, Key("", BAD_KEYS["a wrong checksum"])).json()["detail"]
    assert "mistyped" not in call(server, Key("", GOOD_SHAPE)).json()["detail"]


def test_what_is_stored_of_a_key_is_no_key(server, key):
    assert query(
        server.database_url,
        f"SELECT digest = sha256('{key.secret}'::bytea) FROM api_keys WHERE id = '{key.id}'",
    ) == [(True,)]
    [whole] = query(
        server.database_url, f"SELECT api_keys::text FROM api_keys WHERE id = '{key.id}'"
    )
    assert key.secret not in str(whole)


def test_both_workers_took_part(server):
    assert workers_that_answered(server, "/api/v1/keys") == {*server.workers}

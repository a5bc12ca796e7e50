"""Who tries to get an account, a log-in or a referrer that is not theirs to have."""

import time

import pytest

from databases import execute, query
from people import details, join
from servers import PASSWORD, running

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def without_chance(headers) -> dict[str, str]:
    return {k: v for k, v in headers.items() if k not in {"date", "x-request-id"}}


@pytest.mark.parametrize(
    "grant_type",
    [
        *("PASSWORD", "password ", "passwort", "password refresh_token", "password\0", "null"),
        *("client_credentials", "authorization_code", "implicit", "token", "none"),
        *("urn:ietf:params:oauth:grant-type:jwt-bearer", "urn:ietf:params:oauth:grant-type:saml2"),
    ],
)
def test_a18_another_grant_type_is_none_of_ours_even_with_the_right_password(
    client, ann, grant_type
):
    given = {"grant_type": grant_type, "username": ann.username, "password": PASSWORD}

    for answer in (client.post("/auth/token", data=given), client.post("/auth/token", json=given)):
        assert answer.status_code == 400
        assert answer.json()["error"] == "unsupported_grant_type"


@pytest.mark.parametrize("way", ["data", "json"])
@pytest.mark.parametrize("method", ["POST", "GET", "PUT"])
def test_a18_a_password_in_the_address_is_never_taken(client, ann, method, way):
    query_string = {"grant_type": "password", "username": ann.username, "password": PASSWORD}

    answer = client.request(method, "/auth/token", params=query_string, **{way: {}})

    assert answer.status_code == (400 if method == "POST" else 405)
    assert "access_token" not in answer.text


@pytest.mark.parametrize("junk", ["x", "' OR 1=1 --", "x" * 10_000, "\0"])
def test_a18_what_a_client_says_of_itself_makes_no_difference(client, ann, junk):
    of_itself = {"client_id": junk, "client_secret": junk, "scope": junk}
    given = {"grant_type": "password", "username": ann.username, "password": PASSWORD}

    assert client.post("/auth/token", data={**given, **of_itself}).status_code == 200
    assert (
        client.post("/auth/token", data={**given, **of_itself, "password": "x"}).status_code == 401
    )


@pytest.mark.parametrize(
    "twice",
    [
        *("username=eve", "%75sername=eve", "password=x", "grant_type=password"),
        *("refresh_token=a&refresh_token=b", "client_id=a&client_id=b", "unknown=a&unknown=a"),
    ],
)
def test_a19_a_parameter_that_comes_twice_is_refused(client, ann, twice):
    form = f"grant_type=password&username={ann.username}&password={PASSWORD}&{twice}"

    answer = client.post("/auth/token", content=form, headers=FORM)

    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_request"


@pytest.mark.parametrize(
    "octets",
    [
        "%ff",
        "%fe",
        "%c0%80",
        "%c3",
        "%ed%a0%80",
        "%f4%90%80%80",
        "%e2%82",
        "%80",
        "%f8%88%80%80%80",
    ],
)
@pytest.mark.parametrize("field", ["username", "password"])
def test_a20_a_form_that_is_no_utf_8_is_refused_and_not_repaired(client, field, octets):
    form = {"grant_type": "password", "username": "ann", "password": "x", field: octets}

    answer = client.post(
        "/auth/token", content="&".join(f"{k}={v}" for k, v in form.items()), headers=FORM
    )

    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_request"


def expire(server, code: str) -> None:
    execute(
        server.database_url,
        "UPDATE referral_codes SET issued_at = issued_at - interval '1 hour',"
        f" expires_at = now() - interval '1 second' WHERE text = '{code}'",
    )


def test_a24_a_code_that_cannot_be_used_gets_one_answer_whatever_the_reason(server, client):
    withdrawn, expired, orphaned = (join(client) for _ in range(3))
    codes = {
        "unknown": "NO-SUCH-CODE",
        "malformed": "'!",
        "withdrawn": withdrawn.new_code(),
        "expired": expired.new_code(),
        "of an erased owner": orphaned.new_code(),
    }
    withdrawn.delete(f"/codes/{codes['withdrawn']}")
    expire(server, codes["expired"])
    orphaned.delete("/users/me", {"password": PASSWORD})
    before = query(server.database_url, "SELECT count(*) FROM users")

    answers = [client.post("/auth/user", json={**details(), "code": c}) for c in codes.values()]

    assert {answer.status_code for answer in answers} == {404}
    assert {answer.json()["type"] for answer in answers} == {"/problems/code-not-usable"}
    assert len({answer.content for answer in answers}) == 1
    assert len({str(without_chance(answer.headers)) for answer in answers}) == 1
    assert query(server.database_url, "SELECT count(*) FROM users") == before


def test_c10_nobody_brings_themselves_or_their_referrer(client, ann):
    code = ann.new_code()
    bob = join(client, code)
    codes = [code, bob.new_code()]

    for used in codes:
        for same in ({"username": ann.username}, {"email": ann.email.upper()}):
            answer = client.post(f"/auth/user/{used}", json={**details(), **same})
            assert answer.status_code == 409

    assert "referrer_id" not in ann.get("/users/me").json()
    assert [item["id"] for item in ann.get(f"/users/{ann.id}").json()["items"]] == [bob.id]
    assert bob.get(f"/users/{bob.id}").json()["total"] == 0


@pytest.mark.parametrize("method", ["PATCH", "PUT", "POST"])
@pytest.mark.parametrize("field", ["referrer_id", "code", "referrer"])
def test_c10_a_referrer_never_changes(client, ann, bob, method, field):
    cid = join(client, ann.new_code())
    value = bob.new_code() if field == "code" else bob.id

    answers = [
        client.request(method, "/users/me", headers=cid.bearer, json={field: value}),
        cid.post(
            "/users/me/password",
            {"password": PASSWORD, "new_password": "another-Pass-7", field: value},
        ),
        client.post(
            "/auth/user",
            json={**details(), "email": cid.email, "code": bob.new_code(replace_active=True)},
        ),
    ]

    assert [answer.status_code for answer in answers] == [405, 422, 409]
    assert cid.get("/users/me").json()["referrer_id"] == ann.id


def test_c10_the_code_of_an_erased_owner_brings_nobody(client, ann):
    code = ann.new_code()
    ann.delete("/users/me", {"password": PASSWORD})

    assert client.post(f"/auth/user/{code}", json=details()).status_code == 404


def test_e07_what_is_refused_anyway_is_refused_before_the_password_is_hashed(databases, tmp_path):
    with (
        databases.migrated() as url,
        running(tmp_path, url, bcrypt_cost=13) as server,
        server.client() as client,
    ):
        started = time.perf_counter()
        ann = join(client)  # a hash and a check
        hashing = (time.perf_counter() - started) / 2

        def seconds(body: object, path: str = "/auth/user") -> float:
            return min(
                client.post(path, json=body, headers=ann.bearer).elapsed.total_seconds()
                for _ in range(3)
            )

        new = details()
        refused = {
            "a bad name": seconds({**new, "username": "!"}),
            "a bad address": seconds({**new, "email": "x"}),
            "a bad password": seconds({**new, "password": "short"}),
            "a code that is no code": seconds({**new, "code": "!"}),
            "a code of nobody": seconds({**new, "code": "NO-SUCH-CODE"}),
            "a taken name": seconds({**new, "username": ann.username}),
            "a taken address": seconds({**new, "email": ann.email}),
            "a field too many": seconds({**new, "extra": 1}),
            "a bad new password": seconds(
                {"password": PASSWORD, "new_password": "short"}, "/users/me/password"
            ),
        }

    assert {reason: s for reason, s in refused.items() if s > hashing / 3} == {}

"""What is refused: the right status, a problem that explains it, and nothing changed."""

import json
from urllib.parse import urlsplit

import httpx
import pytest

from people import FAR, details
from servers import PASSWORD, Server, eventually

JSON = {"Content-Type": "application/json"}


def assert_problem(answer: httpx.Response, status: int, slug: str) -> dict[str, object]:
    """It is a problem as RFC 9457 has it, with a page to read about it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["type"] == f"/problems/{slug}"
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    assert problem["instance"] == urlsplit(str(answer.request.url)).path
    return problem


def pointers(problem: dict[str, object]) -> list[str]:
    return sorted(error["pointer"] for error in problem["errors"])


def test_every_value_that_breaks_a_rule_is_listed(client):
    bad = {"username": "a", "email": "no address", "password": "short"}

    problem = assert_problem(client.post("/auth/user", json=bad), 422, "invalid-input")

    assert pointers(problem) == ["#/email", "#/password", "#/username"]
    assert all(error["detail"] for error in problem["errors"])


def test_missing_and_unknown_fields_and_broken_rules_are_listed_together(client):
    bad = {"username": "a", "is_admin": True, "a/b~c": 1}

    problem = assert_problem(client.post("/auth/user", json=bad), 422, "invalid-input")

    assert pointers(problem) == [
        "#/a~1b~0c",
        "#/email",
        "#/is_admin",
        "#/password",
        "#/username",
    ]


@pytest.mark.parametrize("others", [{"password": PASSWORD}, {}, {"password": PASSWORD, "age": 1}])
def test_a18_a_name_that_is_anothers_address_is_listed_beside_what_else_is_wrong(client, others):
    bad = {"username": "bob@example.org", "email": "ann@example.org", **others}

    problem = assert_problem(client.post("/auth/user", json=bad), 422, "invalid-input")

    assert "#/username" in pointers(problem)


def test_a18_a_name_with_an_at_sign_waits_for_an_address_to_be_compared_with(client):
    bad = {"username": "bob@example.org", "email": "nowhere"}

    problem = assert_problem(client.post("/auth/user", json=bad), 422, "invalid-input")

    assert pointers(problem) == ["#/email", "#/password"]


def test_a_wrong_type_is_400_and_does_not_hide_what_else_is_wrong(client):
    bad = {"username": 1, "email": "no address"}

    problem = assert_problem(client.post("/auth/user", json=bad), 400, "malformed-request")

    assert pointers(problem) == ["#/email", "#/password", "#/username"]


@pytest.mark.parametrize("value", ["1.0", "true", '"1"', "NaN", "1e999", "9" * 4000])
def test_d07_no_value_is_coerced(ann, client, value):
    body = f'{{"expires_at": "{FAR}", "replace_active": {value}}}'

    answer = client.post("/codes", content=body, headers={**JSON, **ann.bearer})

    assert answer.status_code == (201 if value == "true" else 400)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        b"{} {}",
        b"{} // comment",
        b"\xef\xbb\xbf{}",
        b'{"username": "\xff"}',
        b'{"username": "\\ud800"}',
        b"[" * 100_00 + b"]" * 100_00,
        b'{"username":' * 5_000 + b"1" + b"}" * 5_000,
        b'{"username": "ann", "username": "bob"}',
        b'{"x": {"a": 1, "a": 2}}',
    ],
    ids=lambda body: body[:24].decode("latin-1"),
)
def test_d03_to_d14_what_is_no_json_object_is_malformed(client, body):
    answer = client.post("/auth/user", content=body, headers=JSON)

    assert_problem(answer, 400, "malformed-request")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": "application/xml"},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/msgpack"},
        {"Content-Type": "multipart/form-data; boundary=x"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/json; charset=utf-16"},
        {**JSON, "Content-Encoding": "gzip"},
    ],
    ids=str,
)
def test_d13_another_media_type_is_refused(client, headers):
    answer = client.post("/auth/user", content=json.dumps(details()), headers=headers)

    assert_problem(answer, 415, "unsupported-media-type")


@pytest.mark.parametrize("chunked", [False, True])
def test_d15_a_body_over_64_kib_is_refused(client, chunked):
    body = json.dumps({**details(), "password": "x" * 65_536}).encode()

    answer = client.post("/auth/user", content=iter([body]) if chunked else body, headers=JSON)

    assert_problem(answer, 413, "body-too-large")


@pytest.mark.parametrize(
    ("path", "allowed"),
    [("/codes", "GET, HEAD, OPTIONS, POST"), ("/auth/user", "OPTIONS, POST")],
)
@pytest.mark.parametrize("method", ["PUT", "PATCH", "TRACE", "FOO"])
def test_d18_a_method_that_is_not_taken_is_told_which_are(client, path, allowed, method):
    answer = client.request(method, path)

    assert_problem(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == allowed


def test_head_is_answered_wherever_get_is(client, ann):
    answer = client.head("/codes", headers=ann.bearer)

    assert answer.status_code == 200
    assert answer.content == b""
    assert answer.headers["content-length"] == str(len(ann.get("/codes").content))


@pytest.mark.parametrize(
    "path", ["/nothing", "/users/not-a-uuid", f"/users/{'9' * 30}", "/users/%00"]
)
def test_d08_an_address_with_nothing_behind_it_is_404(client, ann, path):
    assert_problem(ann.get(path), 404, "address-not-found")


@pytest.mark.parametrize(
    "path", ["/codes/%00", "/codes/..%2f..", "/codes/%ff@example.org", "/codes/' OR 1=1"]
)
def test_d02_a_path_that_no_code_or_address_has_is_404(ann, path):
    for answer in (ann.get(path), ann.delete(path)):
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_call_without_a_token_is_401_before_anything_else_is_looked_at(client):
    answer = client.post("/codes", content=b"{", headers=JSON)

    assert_problem(answer, 401, "invalid-access-token")
    assert answer.headers["www-authenticate"] == 'Bearer realm="referral"'


@pytest.mark.parametrize(
    ("path", "body"), [("/codes", b"{}"), ("/codes", b"x" * 30_000), ("/auth/user", b"x" * 66_000)]
)
def test_who_is_answered_before_the_body_is_read_is_told_that_the_connection_ends(
    client, path, body
):
    for _ in range(20):
        answer = client.post(path, content=body, headers=JSON)

        assert answer.headers["connection"] == "close"


def test_a_connection_goes_on_where_the_body_was_read_or_there_is_none(client, ann):
    refused = client.post("/auth/user", content=b"{", headers=JSON)

    for answer in (refused, client.get("/codes"), ann.get("/codes"), ann.issue()):
        assert "connection" not in answer.headers


def test_a_bad_token_is_told_so(client):
    answer = client.get("/codes", headers={"Authorization": "Bearer x"})

    assert_problem(answer, 401, "invalid-access-token")
    assert answer.headers["www-authenticate"] == 'Bearer realm="referral", error="invalid_token"'


@pytest.mark.parametrize(
    "text",
    ["nul\0nul", "' OR 1=1 --", "\x1b[31mred", "line\r\nbreak", "x" * 10_000, "${7*7}", "🦊" * 20],
    ids=ascii,
)
@pytest.mark.parametrize("field", ["username", "email", "password", "code"])
def test_d01_d02_d23_hostile_text_is_refused_or_harmless(client, field, text):
    answer = client.post("/auth/user", json={**details(), field: text})

    assert answer.status_code in {201, 404, 422}
    assert answer.status_code == 422 or field == "password" or answer.status_code == 404
    assert client.post("/auth/token", json={"username": text, "password": text}).status_code == 401


def test_what_was_refused_changed_nothing(client, ann):
    code = ann.new_code()
    before = ann.get("/users/me").content, ann.get("/codes").content

    ann.issue()
    ann.post("/codes", {"expires_at": "2020-01-01 00:00", "replace_active": True})
    ann.post("/codes", {"code": code, "expires_at": FAR, "replace_active": True})
    ann.post("/users/me/password", {"password": PASSWORD, "new_password": "password"})
    client.post(f"/auth/user/{code}", json={**details(), "username": ann.username})

    assert (ann.get("/users/me").content, ann.get("/codes").content) == before
    assert ann.get(f"/users/{ann.id}").json()["total"] == 0


def test_every_problem_has_a_page_that_explains_it(server, client):
    listed = server.get("/problems")

    assert listed.status_code == 200
    for slug in ("active-code-exists", "invalid-input", "body-too-large", "unsupported-grant-type"):
        assert f"/problems/{slug}" in listed.text
        page = server.get(f"/problems/{slug}")
        assert page.status_code == 200
        assert page.headers["content-type"].startswith("text/html")
        assert slug.replace("-", " ").capitalize() in page.text
    assert server.get("/problems/no-such-problem").status_code == 404


def log_of(server: Server) -> str:
    return server.log.read_text().partition("Stop it with Ctrl-C.")[2]


def test_l01_l04_answers_keep_secrets_and_are_not_cached(server, client, ann):
    answers = [ann.get("/users/me"), ann.get("/codes"), client.get("/nothing")]

    for answer in answers:
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-request-id"]
    eventually(lambda: "/api/v1/users/me" in log_of(server))
    log = log_of(server)
    for secret in (PASSWORD, ann.tokens["access_token"], ann.tokens["refresh_token"], ann.email):
        assert secret not in log

"""Who did what, when, from where and how it ended, in the log of the real server."""

import json
import time
from datetime import UTC, datetime, timedelta

import pytest

from people import join
from servers import PASSWORD, running

PROXIED = {"X-Forwarded-For": "192.0.2.7"}


@pytest.fixture
def quiet(databases, tmp_path):
    """A server that logs errors alone, behind a proxy, with limits."""
    with (
        databases.migrated() as url,
        running(
            tmp_path,
            url,
            log_level="error",
            trusted_proxies="127.0.0.1",
            rate_limits="on",
        ) as server,
    ):
        yield server


@pytest.fixture
def client(quiet):
    with quiet.client() as client:
        client.headers.update(PROXIED)
        yield client


def audit_lines(server, until: str) -> list[dict[str, object]]:
    """All of them, once the one about the call with this answer is among them."""
    deadline = time.monotonic() + 10
    while True:
        logged = [line for line in server.log.read_text().splitlines() if line.startswith("{")]
        lines = [line for line in map(json.loads, logged) if line["event"] == "audit"]
        if until in {line["request_id"] for line in lines}:
            return lines
        assert time.monotonic() < deadline, logged
        time.sleep(0.02)


def id_of(answer) -> str:
    return answer.headers["x-request-id"]


def test_l07_each_deed_is_a_line_with_who_what_when_from_where_and_how_it_ended(quiet, client):
    began = datetime.now(UTC)
    ann, bob = join(client), join(client)
    code = ann.issue(code="SPRING-2030").json()
    refusals = [
        bob.delete("/codes/SPRING-2030"),
        bob.get(f"/users/{ann.id}"),
        client.post("/auth/token", json={"username": ann.username, "password": "wrong guess"}),
        client.post("/auth/token", json={"username": "nobody", "password": "wrong guess"}),
        ann.post(
            "/users/me/password", {"password": "wrong guess", "new_password": "good enough 1"}
        ),
    ]
    old = ann.tokens["refresh_token"]
    new = client.post("/auth/token", json={"refresh_token": old}).json()["refresh_token"]
    ann.delete("/codes/SPRING-2030")
    refusals.append(client.post("/auth/token", json={"refresh_token": old}))
    client.post("/auth/revoke", json={"token": new})
    ann.post("/users/me/password", {"password": PASSWORD, "new_password": "good enough 1"})
    last = bob.delete("/users/me", {"password": PASSWORD})

    lines = audit_lines(quiet, until=id_of(last))

    of_ann, of_bob = {"user_id": ann.id}, {"user_id": bob.id}
    the_code = {"code_id": code["id"]}
    assert [without_context(line) for line in lines] == [
        {"action": "register", "outcome": "done", **of_ann},
        {"action": "log-in", "outcome": "done", **of_ann},
        {"action": "register", "outcome": "done", **of_bob},
        {"action": "log-in", "outcome": "done", **of_bob},
        {"action": "issue-code", "outcome": "done", **of_ann, **the_code},
        {"action": "retire-code", "outcome": "not-your-code", **of_bob, **the_code},
        {
            "action": "list-referrals",
            "outcome": "not-your-referrals",
            **of_bob,
            "other_user_id": ann.id,
        },
        {"action": "log-in", "outcome": "wrong-credentials", **of_ann},
        {"action": "log-in", "outcome": "wrong-credentials"},
        {"action": "change-password", "outcome": "wrong-password", **of_ann},
        {"action": "refresh", "outcome": "done", **of_ann},
        {"action": "retire-code", "outcome": "done", **of_ann, **the_code},
        {
            "action": "refresh",
            "outcome": "invalid-refresh-token",
            **of_ann,
            "reason": "used before",
        },
        {"action": "revoke", "outcome": "done", "reason": "unknown token"},
        {"action": "change-password", "outcome": "done", **of_ann},
        {"action": "erase-user", "outcome": "done", **of_bob},
    ]
    for line in lines:
        assert line["client_address"] == "192.0.2.7"
        assert line["level"] == "info"
        assert line["pid"] > 0
        when = datetime.fromisoformat(line["timestamp"])
        assert began - timedelta(seconds=1) < when < datetime.now(UTC) + timedelta(seconds=1)
        assert when.utcoffset() == timedelta(0)
    ids = [line["request_id"] for line in lines]
    assert len(set(ids)) == len(ids)
    assert set(map(id_of, refusals)) <= set(ids)
    assert_nothing_personal_in(json.dumps(lines), ann, bob, old, new)


def without_context(line: dict[str, object]) -> dict[str, object]:
    context = {"event", "level", "pid", "timestamp", "client_address", "request_id"}
    assert context <= line.keys()
    return {name: value for name, value in line.items() if name not in context}


def assert_nothing_personal_in(log: str, ann, bob, *tokens: str) -> None:
    private = ["wrong guess", PASSWORD, "good enough 1", "SPRING-2030", *tokens]
    for person in (ann, bob):
        private += [person.username, person.email, person.tokens["access_token"]]
    assert [value for value in private if value in log] == []


def test_l07_what_is_tried_too_often_is_a_line_each_time(quiet, client):
    guess = {"username": "ann", "password": "wrong guess"}

    answers = [client.post("/auth/token", json=guess) for _ in range(8)]

    outcomes = [line["outcome"] for line in audit_lines(quiet, until=id_of(answers[-1]))]
    assert [answer.status_code for answer in answers] == [401] * 5 + [429] * 3
    assert outcomes == ["wrong-credentials"] * 5 + ["too-many-attempts"] * 3


def test_l07_what_is_read_leaves_no_line(quiet, client):
    ann = join(client)
    first = ann.issue(code="SPRING-2030")

    for path in ("/users/me", f"/users/{ann.id}", "/codes", f"/codes/{ann.email}"):
        assert ann.get(path).status_code == 200
    assert client.get("/codes/SPRING-2030/status").status_code == 200
    assert client.get("/codes/UNKNOWN-1/status").status_code == 404
    last = ann.delete("/codes/SPRING-2030")

    ids = [line["request_id"] for line in audit_lines(quiet, until=id_of(last))]
    assert ids[-2:] == [id_of(first), id_of(last)]


def test_l07_a_call_that_is_repeated_under_its_key_is_one_line(quiet, client):
    ann = join(client)
    client.headers["Idempotency-Key"] = "a-key-that-nobody-else-has"

    answers = [ann.issue(code="SPRING-2030") for _ in range(3)]
    del client.headers["Idempotency-Key"]
    last = ann.delete("/codes/SPRING-2030")

    assert {answer.status_code for answer in answers} == {201}
    issued, retired = audit_lines(quiet, until=id_of(last))[-2:]
    assert issued["request_id"] == id_of(answers[0])
    assert [issued["code_id"], retired["code_id"]] == [answers[0].json()["id"]] * 2

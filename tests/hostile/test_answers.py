"""What an answer gives away: to a page of another origin, of an error inside, of what is closed; and under a flood."""

import asyncio
import json

import httpx
import pytest

from databases import execute
from hostile.description import Description
from hostile.places import Places
from hostile.wire import Request, answers_to
from people import join
from servers import eventually, running

ORIGINS = [
    "null",
    "https://evil.example",
    "http://127.0.0.1",
    "*",
    "file://",
    "https://evil.example:99999",
]
WANTED = ["GET", "POST", "DELETE", "PATCH"]


@pytest.mark.parametrize("origin", ORIGINS)
@pytest.mark.parametrize("path", ["/users/me", "/codes", "/auth/token", "/auth/user", "/nothing"])
def test_d24_no_other_origin_is_let_in(client, ann, origin, path):
    asked = {"Origin": origin, "Access-Control-Request-Headers": "authorization, content-type"}

    answers = [client.get(path, headers={**ann.bearer, "Origin": origin})]
    answers += [
        client.options(path, headers={**asked, "Access-Control-Request-Method": method})
        for method in WANTED
    ]

    for answer in answers:
        assert not [name for name in answer.headers if name.startswith("access-control-")]


@pytest.mark.parametrize(
    "accept",
    ["application/xml", "text/html", "image/png", "*/*;q=0", "text/csv, application/pdf", "x", ""],
)
def test_d24_whatever_a_caller_accepts_the_answer_is_json(client, ann, accept):
    taken = client.get("/users/me", headers={**ann.bearer, "Accept": accept})
    refused = client.get("/users/me", headers={"Accept": accept})

    assert (taken.status_code, refused.status_code) == (200, 401)
    assert taken.headers["content-type"] == "application/json"
    assert refused.headers["content-type"] == "application/problem+json"
    assert taken.json()["id"] == ann.id


def test_l03_a_value_that_is_refused_is_not_said_back(server, ann, bob):
    value = "canary of a value"
    places = Places(Description.of(server.address), ann, ann.new_code(), bob)

    answered = asyncio.run(answers_to(server.address, places.everywhere(value)))

    refused = [json.loads(answer.body) for _, answer in answered if answer.status >= 400]
    assert len(refused) > 20
    for problem in refused:
        # The path is the caller's own; it is told as it came, and without the query.
        assert "?" not in problem["instance"]
        assert value not in json.dumps({**problem, "instance": ""})


@pytest.fixture
def broken(databases, tmp_path):
    """A server whose database holds times as text and no idempotency records, which no version of it ever made."""
    with databases.migrated() as url:
        execute(
            url,
            "DROP INDEX ix_referral_codes_ends",
            "DROP TRIGGER ex_referral_codes_one_active ON referral_codes",
            "DROP TRIGGER ex_referral_codes_one_active_still ON referral_codes",
            "ALTER TABLE referral_codes DROP CONSTRAINT ck_referral_codes_expires_later, ALTER expires_at TYPE text",
            "INSERT INTO users VALUES ('00000000-0000-7000-8000-000000000001',"
            " 'ann', 'ann', 'ann@x', 'ann@x', 'hash', 1, NULL, 0, now())",
            "INSERT INTO referral_codes (owner_id, text, issued_at, expires_at) VALUES"
            " ('00000000-0000-7000-8000-000000000001', 'CANARY-CODE', now(), 'no time')",
            "ALTER TABLE idempotency_records ADD CHECK (false)",
        )
        with running(tmp_path, url) as server:
            yield server


def test_l02_an_error_inside_is_told_in_the_log_and_not_to_the_caller(broken):
    answer = httpx.get(f"{broken.api}/codes/CANARY-CODE/status")

    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": "/problems/internal-error",
        "title": "Internal error",
        "status": 500,
        "detail": "Something went wrong on our side.",
        "instance": "/api/v1/codes/CANARY-CODE/status",
    }
    request_id = answer.headers["x-request-id"]

    def logged():
        return [line for line in broken.log.read_text().splitlines() if request_id in line]

    eventually(lambda: len(logged()) == 2)  # the error and the request, a moment later
    [error] = [line for line in logged() if json.loads(line)["level"] == "error"]
    assert "TypeError" in error
    assert "CANARY-CODE" not in "".join(logged())
    assert broken.get("/health/ready").status_code == 200


CLOSED = [
    "/",
    "/docs",
    "/docs/swagger",
    "/docs/redoc",
    "/docs/scalar",
    "/docs/assets/redoc.standalone.js",
]


def test_l05_documentation_and_metrics_can_be_closed(databases, tmp_path):
    with databases.migrated() as url, running(tmp_path, url, docs="off", metrics="off") as server:
        for path in (*CLOSED, "/openapi.json", "/openapi.yaml", "/metrics", "/schema"):
            for address in (path, f"{path}/", f"/{path}"):
                assert server.get(address).status_code == 404, address
        assert server.get("/health/live").status_code == 200


def test_e05_a_flood_of_log_ins_is_sent_away_at_once_and_slows_no_reads(databases, tmp_path):
    with (
        databases.migrated() as url,
        running(tmp_path, url, bcrypt_cost=11, workers=2) as server,
        server.client() as client,
    ):
        ann = join(client)
        log_in = json.dumps({"username": ann.username, "password": "wrong"}).encode()
        flood = Request("POST", "/api/v1/auth/token", {"Content-Type": "application/json"}, log_in)
        read = Request("GET", "/api/v1/users/me", ann.bearer)

        async def both() -> tuple[list[float], list[tuple[int, float]]]:
            guessing = asyncio.create_task(answers_to(server.address, [flood] * 150, at_once=60))
            reads = []
            while not guessing.done():
                reads += await answers_to(server.address, [read] * 5, at_once=1)
            return reads, await guessing

        reads, guesses = asyncio.run(both())

    assert {answer.status for _, answer in guesses} == {401, 503}
    sent_away = sorted(answer.seconds for _, answer in guesses if answer.status == 503)
    checked = sorted(answer.seconds for _, answer in guesses if answer.status == 401)
    assert sent_away[len(sent_away) // 2] < checked[len(checked) // 2] / 5
    assert {answer.status for _, answer in reads} == {200}
    slowest = sorted(answer.seconds for _, answer in reads)[-len(reads) // 20]
    assert slowest < 0.25


def test_l02_an_error_around_the_application_is_told_likewise(broken):
    headers = {"Idempotency-Key": "CANARY-KEY"}
    answer = httpx.post(f"{broken.api}/auth/token", json={}, headers=headers)

    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.json()["type"] == "/problems/internal-error"
    request_id = answer.headers["x-request-id"]
    eventually(lambda: "CheckViolationError" in broken.log.read_text())
    [error] = [line for line in broken.lines() if line["level"] == "error"]
    assert error["request_id"] == request_id
    assert "CANARY-KEY" not in broken.log.read_text()

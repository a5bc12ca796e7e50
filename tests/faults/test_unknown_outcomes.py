"""A write that the database did not answer: what its caller is told."""

import httpx
import pytest

from databases import query
from people import details, join
from proxies import proxy_before
from servers import running

pytestmark = pytest.mark.usefixtures("again")


@pytest.fixture
def proxy(databases):
    with databases.migrated() as url, proxy_before(url) as proxy:
        yield proxy


@pytest.fixture
def client(proxy, tmp_path):
    with running(tmp_path, proxy.url) as server, server.client() as client:
        yield client


@pytest.fixture
def ann(client):
    return join(client)


def assert_unknown(answer: httpx.Response) -> None:
    assert answer.status_code == 503
    assert answer.json()["type"] == "/problems/outcome-unknown"
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.elapsed.total_seconds() < 2


def test_f08_a_code_whose_insertion_was_not_answered_may_be_there(proxy, ann):
    ann.delete(f"/codes/{ann.new_code()}")
    proxy.lost_after = b"LOST-CODE"

    assert_unknown(ann.issue(code="LOST-CODE"))

    proxy.lost_after = b""
    assert [code["code"] for code in ann.get("/codes").json()["items"]] == ["LOST-CODE"]


@pytest.mark.parametrize("breaks", [False, True])
def test_f08_a_withdrawal_whose_commit_was_not_answered_may_be_done(proxy, ann, breaks):
    code = ann.new_code()
    proxy.breaks = breaks
    proxy.lost_after = b"COMMIT"

    assert_unknown(ann.delete(f"/codes/{code}"))

    proxy.lost_after = b""
    assert ann.get("/codes").json()["items"] == []


def test_f08_what_fails_before_the_commit_was_not_done(proxy, client, ann):
    code = ann.new_code()
    proxy.lost_after = b"bob@example.org"

    answer = client.post("/auth/user", json={**details("bob"), "code": code})

    assert answer.json()["type"] == "/problems/database-unavailable"
    assert query(proxy.target, "SELECT count(*) FROM users") == [(1,)]


def test_f08_a_log_in_that_is_not_answered_is_refused(proxy, client, ann):
    proxy.lost_after = ann.username.encode()

    answer = client.post("/auth/token", json={"username": ann.username, "password": "wrong"})

    assert answer.json()["type"] == "/problems/database-unavailable"

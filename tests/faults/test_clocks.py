"""Machines whose clocks differ, or are set while the service runs: libfaketime gives a server a clock of its own."""

import time
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx
import pytest

from people import Person, join
from servers import eventually, running, start, wait_until_ready

LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
OFFSETS = ["-3600", "-1", "-0.01", "+0.01", "+1", "+3600"]  # seconds

pytestmark = pytest.mark.skipif(LIBRARY is None, reason="libfaketime is not installed")


@pytest.fixture(scope="module")
def database(databases):
    with databases.migrated() as url:
        yield url


@pytest.fixture(scope="module")
def right(database, tmp_path_factory):
    """A client of a server whose clock is right."""
    with running(tmp_path_factory.mktemp("right"), database) as server, server.client() as client:
        yield client


@pytest.fixture(scope="module")
def clock_file(tmp_path_factory):
    file = tmp_path_factory.mktemp("clock") / "offset"
    file.write_text("+0")
    return file


@pytest.fixture(scope="module")
def wrong_server(database, clock_file, tmp_path_factory):
    """A server on the same database, whose clock is as far off as the file says."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("LD_PRELOAD", str(LIBRARY))
        environment.setenv("FAKETIME_TIMESTAMP_FILE", str(clock_file))
        environment.setenv("FAKETIME_NO_CACHE", "1")
        environment.setenv("FAKETIME_DONT_FAKE_MONOTONIC", "1")
        server = start(tmp_path_factory.mktemp("wrong"), database)
    try:
        wait_until_ready(server)
        yield server
    finally:
        # With this library it cannot stop in order: in Python 3.11, time.sleep fails then.
        server.process.kill()
        server.process.wait()


@pytest.fixture(scope="module")
def wrong(wrong_server):
    """Its client."""
    with wrong_server.client() as client:
        yield client


@pytest.fixture(params=OFFSETS)
def offset(request, clock_file, wrong):
    """The clock is set while the server runs."""
    clock_file.write_text(request.param)
    return float(request.param)


@pytest.fixture
def ann(right):
    return join(right)


def at(client: httpx.Client, person: Person) -> Person:
    """The same person, at another server."""
    return Person(client, person.id, person.username, person.email, person.tokens)


def in_minutes(minutes: float) -> str:
    return (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat()


def test_the_clock_of_the_server_is_really_off(wrong, clock_file):
    clock_file.write_text("+3600")

    told = wrong.get("/users/me").headers["date"]

    assert parsedate_to_datetime(told) - datetime.now(UTC) > timedelta(minutes=59)


def test_f24_a_clock_that_is_off_is_told_once_and_again_when_it_changes(wrong_server, clock_file):
    def told():
        return [
            (line["seconds"], line["level"])
            for line in wrong_server.lines()
            if line["event"] == "clock differs from the database's"
        ]

    clock_file.write_text("+0")
    eventually(lambda: not told() or abs(told()[-1][0]) <= 1)
    before = len(told())

    for offset in ("+3600", "-7.5", "+0"):
        clock_file.write_text(offset)
        eventually(lambda offset=offset: told() and abs(told()[-1][0] - float(offset)) < 0.5)

    assert [level for _, level in told()[before:]] == ["warning", "warning", "info"]


def test_f24_after_a_withdrawal_at_one_server_the_other_issues(right, wrong, ann, offset):
    servers = [at(right, ann), at(wrong, ann)]
    for turn in range(20):
        first, second = servers[turn % 2], servers[(turn + 1) % 2]
        code = first.new_code(expires_at=in_minutes(10))

        assert second.delete(f"/codes/{code}").status_code == 204
        issued = second.issue(expires_at=in_minutes(10))
        assert issued.status_code == 201, issued.text
        assert first.delete(f"/codes/{issued.json()['code']}").status_code == 204


def test_f24_no_server_issues_a_second_code_beside_an_active_one(right, wrong, ann, offset):
    servers = [at(right, ann), at(wrong, ann)]
    for first, second in (servers, servers[::-1]):
        code = first.new_code(expires_at=in_minutes(10))

        assert second.issue(expires_at=in_minutes(20)).status_code == 409
        assert second.get(f"/codes/{code}/status").json()["is_active"]
        first.delete(f"/codes/{code}")


def test_f24_a_changed_password_ends_the_tokens_at_both_servers(right, wrong, ann, offset):
    for changing, other in ((wrong, right), (right, wrong)):
        person = join(right)
        change = {"password": "Q123werty!23", "new_password": "another Q123werty!23"}

        assert at(changing, person).post("/users/me/password", change).status_code == 204

        deadline = time.monotonic() + 1
        asked = 0.0
        while at(other, person).get("/users/me").status_code != 401:
            assert asked < deadline, "the token is alive after a second"
            asked = time.monotonic()
        fresh = other.post(
            "/auth/token", json={"username": person.username, "password": "another Q123werty!23"}
        ).json()
        for client in (right, wrong):
            assert (
                at(client, Person(**vars(person) | {"tokens": fresh})).get("/users/me").status_code
                == 200
            )


def test_f24_a_token_of_one_server_is_good_at_the_other(right, wrong, offset):
    for issuing, other in ((right, wrong), (wrong, right)):
        person = join(issuing)

        assert at(other, person).get("/users/me").status_code == 200

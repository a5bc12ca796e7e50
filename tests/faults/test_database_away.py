"""The service while its database is away, and when it is back."""

import os
import signal
import time
from pathlib import Path

import httpx
import pytest

from operators import make_keys
from people import join
from referral.adapters.embedded_postgres import embedded_postgres
from referral.adapters.postgres.migrate import migrate
from servers import NO_TLS, is_ready, running, start

pytestmark = pytest.mark.usefixtures("again")


class OwnDatabase:
    """A database server of this test's own, that it can stop, freeze and start."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.used = embedded_postgres(directory)
        self.url = self.used.__enter__()

    @property
    def processes(self) -> list[int]:
        server = int((self.directory / "postgres/postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{server}/task/{server}/children").read_text().split()
        return [server, *map(int, children)]

    def send(self, which: signal.Signals) -> None:
        for process in self.processes:
            os.kill(process, which)

    def stop(self) -> None:
        self.used.__exit__(None, None, None)

    def start(self) -> None:
        self.used = embedded_postgres(self.directory)
        assert self.used.__enter__() == self.url


@pytest.fixture
def database(tmp_path_factory):
    database = OwnDatabase(tmp_path_factory.mktemp("db"))
    migrate(database.url)
    yield database
    database.stop()


@pytest.fixture
def shop(database):
    """A key that is there before the server is."""
    return make_keys(database.url, shop=["rewards:read"])["shop"]


@pytest.fixture
def server(database, tmp_path):
    with running(tmp_path, database.url) as server:
        yield server


@pytest.fixture
def client(server):
    with server.client() as client:
        yield client


def assert_refused_for_now(answer: httpx.Response) -> None:
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "/problems/database-unavailable"
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.elapsed.total_seconds() < 2


def assert_resumes(server) -> None:
    deadline = time.monotonic() + 2
    while not is_ready(server.address):
        assert time.monotonic() < deadline, "it did not resume in two seconds"
        time.sleep(0.01)


def test_f05_while_the_database_is_stopped_calls_are_refused_and_resume_by_themselves(
    database, shop, server, client
):
    ann = join(client)
    assert client.get("/payouts/export.csv", headers=shop.bearer).status_code == 200

    database.stop()

    calls = [
        ann.get("/users/me"),
        ann.get(f"/users/{ann.id}"),
        ann.issue(),
        client.get("/codes/ANY-CODE/status"),
        client.get("/payouts/export.csv", headers=shop.bearer),
        client.post("/auth/token", json={"username": "ann", "password": "Q123werty!23"}),
        client.get(f"{server.address}/health/ready"),
    ]
    for answer in calls:
        assert_refused_for_now(answer)
    assert client.get(f"{server.address}/health/live").status_code == 200

    database.start()
    assert_resumes(server)
    assert ann.get("/users/me").json()["id"] == ann.id


def test_f09_while_the_database_is_frozen_calls_are_refused_and_resume_by_themselves(
    database, server, client
):
    ann = join(client)

    database.send(signal.SIGSTOP)
    try:
        answers = [ann.get("/users/me"), client.get("/codes/ANY-CODE/status"), ann.issue()]
    finally:
        database.send(signal.SIGCONT)

    for answer in answers:
        assert_refused_for_now(answer)
    assert_resumes(server)
    assert ann.get("/users/me").json()["id"] == ann.id


def test_f11_a_service_started_before_its_database_serves_once_it_is_there(database, tmp_path):
    database.stop()
    server = start(tmp_path, database.url)
    try:
        wait_until(lambda: answers(f"{server.address}/health/live"))
        assert_refused_for_now(server.get("/health/ready"))

        database.start()

        assert_resumes(server)
    finally:
        server.process.terminate()
        server.process.wait(20)


def answers(address: str) -> bool:
    try:
        return httpx.get(address, verify=NO_TLS).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def wait_until(condition, seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)

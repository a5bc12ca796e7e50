"""What is left standing when a process is stopped or killed."""

import asyncio
import os
import random
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit

import httpx
import pytest

from long_form import IS_LONG
from people import details, join
from servers import Server, eventually, is_ready, is_running, running, start, wait_until_ready
from writers import writing

KILLS = 20
# Seconds after the workers were started; it takes them about half a second to be ready.
MOMENTS = [n * 0.03 for n in range(30)] if IS_LONG else [0.0, 0.25, 0.5, 0.6]
_BODY = httpx.Request("POST", "http://x", json=details()).content
REGISTRATION = (
    b"POST /api/v1/auth/user HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(_BODY), _BODY)
)


@pytest.fixture
def database(databases):
    with databases.migrated() as url:
        yield url


@pytest.mark.anyio
async def test_f01_workers_killed_under_load_are_replaced_each_time_and_lose_nothing_acknowledged(
    database, tmp_path
):
    chance = random.Random(1)
    with running(tmp_path, database, workers=2) as server:
        async with writing(server.address, tmp_path, keys=False) as writers:
            for _ in range(KILLS):
                await writers.acknowledged(20)
                await kill_and_wait_for_another(chance.choice(server.workers), server)
            await writers.acknowledged(20)

    assert writers.ledger.faults(database) == []
    assert writers.statuses["no answer"] > 0, "no kill has interrupted a call"


async def kill_and_wait_for_another(worker: int, server: Server) -> None:
    os.kill(worker, signal.SIGKILL)
    await asyncio.to_thread(eventually, lambda: len({*server.workers} - {worker}) == 2, seconds=6)


def test_f01_a_worker_that_is_killed_again_and_again_while_it_starts_is_there_in_the_end(
    database, tmp_path
):
    server = start(tmp_path, database)
    for _ in range(8):
        eventually(lambda: server.workers)
        [worker] = server.workers
        os.kill(worker, signal.SIGKILL)
        eventually(lambda killed=worker: killed not in server.workers)

    wait_until_ready(server)
    server.process.terminate()
    assert server.process.wait(10) == 0


def changed(change: str) -> tuple[str, ...]:
    """The service with something changed in the main process before it starts."""
    return ("-c", f"{change}\nfrom referral.entrypoints.cli.main import main\nmain()", "serve")


def test_a_worker_that_cannot_start_ends_the_service_with_a_line(database, tmp_path):
    broken = changed(
        "from referral.entrypoints.processes import worker_process; worker_process.create_http_app = None"
    )

    server = start(tmp_path, database, broken, workers=2)

    assert server.process.wait(60) == 1
    said = server.log.read_text().splitlines()[-1]
    assert said.startswith("Worker ")
    assert said.endswith(
        "ended 5 times before it could serve, the last time with status 1. The log says why."
    )
    failed = [line for line in server.lines() if line["event"] == "worker failed"]
    assert 5 <= len(failed) <= 10
    assert "NoneType" in str(failed[0]["exception"])


def test_a_worker_for_which_there_is_no_process_at_first_is_replaced_later(database, tmp_path):
    forks = changed(
        "import os; fork, tries = os.fork, iter([1, 0, 0, 1]);"
        "os.fork = lambda: fork() if next(tries) else os.open('/none', 0)"
    )
    with running(tmp_path, database, forks) as server:
        [worker] = server.workers
        os.kill(worker, signal.SIGKILL)

        eventually(lambda: {*server.workers} - {worker})
        wait_until_ready(server)
        failed = [
            line for line in server.lines() if line["event"] == "worker cannot be replaced yet"
        ]
        assert len(failed) == 2


def test_f02_a_killed_server_leaves_no_worker_behind_and_loses_nothing(database, tmp_path):
    server = start(tmp_path, database, workers=2)
    wait_until_ready(server)
    with server.client() as client:
        ann = join(client)
    workers = server.workers

    server.process.kill()
    server.process.wait()

    eventually(lambda: not any(is_running(worker) for worker in workers))
    port = urlsplit(server.address).port
    with running(tmp_path, database, port=port) as again:
        answer = httpx.get(f"{again.api}/users/me", headers=ann.bearer)
        assert answer.json()["id"] == ann.id


def starting(directory, database, after: float) -> Server:
    """A server that has started its workers so many seconds ago."""
    server = start(directory, database, workers=2)
    eventually(lambda: server.workers, seconds=60)
    time.sleep(after)
    return server


@pytest.mark.parametrize("after", MOMENTS)
def test_f02_workers_that_are_starting_when_the_server_is_killed_end_too(database, tmp_path, after):
    server = starting(tmp_path, database, after)
    workers = server.workers

    server.process.kill()
    server.process.wait()

    eventually(lambda: not any(map(is_running, workers)), seconds=8)


@pytest.mark.parametrize("after", MOMENTS)
def test_f03_a_server_that_is_stopped_while_its_workers_start_ends_soon(database, tmp_path, after):
    server = starting(tmp_path, database, after)

    server.process.terminate()

    assert server.process.wait(8) == 0


@contextmanager
def half_a_request(server: Server) -> Iterator[socket.socket]:
    """A connection on which a registration has begun to come."""
    with socket.create_connection(("127.0.0.1", urlsplit(server.address).port)) as connection:
        connection.sendall(REGISTRATION[:-10])
        eventually(lambda: server.get("/health/live").status_code == 200)
        yield connection


def the_other_half(connection: socket.socket) -> bytes:
    """The answer to the registration, when the rest of it has been sent."""
    connection.sendall(REGISTRATION[-10:])
    return connection.recv(1000)


def test_f03_a_request_in_flight_is_finished_before_the_server_stops(database, tmp_path):
    with running(tmp_path, database) as server, half_a_request(server) as connection:
        server.process.terminate()
        eventually(lambda: not listens(server))

        assert the_other_half(connection).startswith(b"HTTP/1.1 201")


def test_f03_ctrl_c_which_reaches_all_processes_lets_a_request_in_flight_finish(database, tmp_path):
    with running(tmp_path, database) as server, half_a_request(server) as connection:
        for process in (server.process.pid, *server.workers):
            os.kill(process, signal.SIGINT)
        eventually(lambda: not listens(server))

        assert the_other_half(connection).startswith(b"HTTP/1.1 201")
        assert server.process.wait(8) == 0


def test_a_terminal_that_is_closed_ends_neither_the_server_nor_a_request_in_flight(
    database, tmp_path
):
    with running(tmp_path, database) as server, half_a_request(server) as connection:
        for process in (server.process.pid, *server.workers):
            os.kill(process, signal.SIGHUP)

        assert the_other_half(connection).startswith(b"HTTP/1.1 201")


def test_f03_a_request_that_does_not_end_is_cut_after_ten_seconds(database, tmp_path):
    server = start(tmp_path, database)
    wait_until_ready(server)
    with socket.create_connection(("127.0.0.1", urlsplit(server.address).port)) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(
            b"GET /docs/assets/scalar.standalone.js HTTP/1.1\r\nHost: localhost\r\n\r\n"
        )
        connection.recv(1)  # and no more
        told = time.monotonic()
        server.process.terminate()

        server.process.wait(20)
    assert 8 < time.monotonic() - told < 13


def test_f03_half_sent_bodies_hold_up_no_stop(database, tmp_path):
    with running(tmp_path, database) as server, ExitStack() as stack:
        connections = [stack.enter_context(half_a_request(server)) for _ in range(3)]
        told = time.monotonic()
        server.process.terminate()

        for connection in connections:
            assert connection.recv(1000).startswith(b"HTTP/1.1 408")
        assert server.process.wait(10) == 0
        assert time.monotonic() - told < 4


def test_f03_a_server_that_is_told_to_stop_is_first_not_ready_and_serves_on(database, tmp_path):
    with running(tmp_path, database, workers=2, drain_seconds=300) as server:
        server.process.terminate()

        eventually(lambda: not is_ready(server.address))
        for _ in range(10):  # each of the workers is asked
            answer = server.get("/health/ready")
            assert answer.status_code == 503
            assert answer.json()["type"] == "/problems/shutting-down"
            assert int(answer.headers["retry-after"]) >= 1
        with server.client() as client:
            join(client)
        server.process.terminate()
        assert server.process.wait(10) == 0


def test_f03_a_server_that_has_served_on_for_long_enough_ends(database, tmp_path):
    with running(tmp_path, database, drain_seconds=1) as server:
        told = time.monotonic()
        server.process.terminate()

        assert server.process.wait(10) == 0
        assert time.monotonic() - told >= 1


def test_f03_a_worker_that_is_killed_while_the_server_stops_does_not_change_its_status(
    database, tmp_path
):
    with running(tmp_path, database, workers=2) as server:
        server.process.send_signal(signal.SIGSTOP)
        os.kill(server.workers[0], signal.SIGKILL)
        server.process.terminate()
        server.process.send_signal(signal.SIGCONT)

        assert server.process.wait(10) == 0


def listens(server: Server) -> bool:
    try:
        socket.create_connection(("127.0.0.1", urlsplit(server.address).port), timeout=1).close()
    except OSError:
        return False
    return True


def test_a_port_that_is_taken_is_told_in_a_line(database, tmp_path):
    with running(tmp_path, database) as server:
        port = urlsplit(server.address).port

        second = start(tmp_path, database, port=port)

        assert second.process.wait(20) == 1
        assert f"Cannot listen on 127.0.0.1:{port}" in second.log.read_text()


def test_settings_that_cannot_be_used_are_told_in_a_line_each(database, tmp_path):
    server = start(tmp_path, database, workers="many", port="0", colour="blue")

    assert server.process.wait(20) == 2
    said = server.log.read_text().splitlines()
    assert [line.split(":")[0] for line in sorted(said)] == [
        "REFERRAL_COLOUR",
        "REFERRAL_PORT",
        "REFERRAL_WORKERS",
    ]


def test_b17_a_secret_that_is_no_secret_stops_the_start(database, tmp_path):
    server = start(tmp_path, database, secret="a" * 32)

    assert server.process.wait(20) == 2
    [line] = server.log.read_text().splitlines()
    assert line.startswith("REFERRAL_SECRET: Expected ")
    assert "aaaa" not in line


def test_an_env_file_that_cannot_be_read_stops_the_start_with_a_line(database, tmp_path):
    (tmp_path / ".env").mkdir()

    server = start(tmp_path, database)

    assert server.process.wait(20) == 2
    [line] = server.log.read_text().splitlines()
    assert line.startswith(".env: cannot be read: ")


def test_b18_a_secret_can_be_changed_without_ending_a_token(database, tmp_path):
    old, new = "the old secret: 7c41 0be9 55d2 a8f6", "the new secret: e83a 96c0 1f7d 42b5"

    with running(tmp_path, database, secret=old) as server, server.client() as client:
        ann = join(client)

    with running(tmp_path, database, secret=f"{new},{old}") as server, server.client() as client:
        assert client.get("/users/me", headers=ann.bearer).status_code == 200
        bob = join(client)

    with running(tmp_path, database, secret=new) as server, server.client() as client:
        assert client.get("/users/me", headers=bob.bearer).status_code == 200
        assert client.get("/users/me", headers=ann.bearer).status_code == 401
        form = {"grant_type": "refresh_token", "refresh_token": ann.tokens["refresh_token"]}
        assert client.post("/auth/token", data=form).status_code == 200

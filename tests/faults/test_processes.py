"""What is left standing when a process is stopped or killed."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from people import details, join
from servers import children_of, eventually, running, start, wait_until_ready


@pytest.fixture
def database(databases):
    with databases.migrated() as url:
        yield url


def test_f01_a_killed_worker_is_replaced_and_loses_nothing_acknowledged(database, tmp_path):
    with running(tmp_path, database, workers=2) as server:
        with server.client() as client:
            ann = join(client)
            workers = children_of(server.process.pid)

            os.kill(workers[0], signal.SIGKILL)

        eventually(lambda: len(set(children_of(server.process.pid)) - {workers[0]}) == 2)
        with server.client() as client:
            assert client.get("/users/me", headers=ann.bearer).json()["id"] == ann.id


def test_f02_a_killed_server_leaves_no_worker_behind_and_loses_nothing(database, tmp_path):
    server = start(tmp_path, database, workers=2)
    wait_until_ready(server)
    with server.client() as client:
        ann = join(client)
    workers = children_of(server.process.pid)

    server.process.kill()
    server.process.wait()

    eventually(lambda: not any(is_running(worker) for worker in workers))
    port = urlsplit(server.address).port
    with running(tmp_path, database, port=port) as again:
        answer = httpx.get(f"{again.api}/users/me", headers=ann.bearer)
        assert answer.json()["id"] == ann.id


def test_f02_a_worker_that_starts_only_after_its_server_was_killed_ends_itself():
    no_such_parent = "from referral.entrypoints.server import _die_with; _die_with(0)"

    worker = subprocess.run(
        [sys.executable, "-c", no_such_parent], capture_output=True, text=True, check=False
    )

    assert worker.returncode == 1
    assert "parent" in worker.stderr


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_f03_a_request_in_flight_is_finished_before_the_server_stops(database, tmp_path):
    body = httpx.Request("POST", "http://x", json=details()).content
    head = (
        "POST /api/v1/auth/user HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    with running(tmp_path, database) as server:
        port = urlsplit(server.address).port
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(head.encode() + body[:10])
            eventually(lambda: httpx.get(f"{server.address}/health/live").status_code == 200)

            server.process.terminate()
            eventually(lambda: not listens(port))
            connection.sendall(body[10:])

            assert connection.recv(1000).startswith(b"HTTP/1.1 201")


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
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

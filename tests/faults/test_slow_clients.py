"""Clients that take their time, or go away: nobody else waits for them, and they are let go of."""

import select
import socket
import struct
import time
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from databases import query
from people import join
from raw_http import answer_on, connected, is_closed
from servers import eventually, running

GET = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n"
POST = b"POST /api/v1/auth/user HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
LARGE = b"GET /docs/assets/scalar.standalone.js HTTP/1.1\r\nHost: localhost\r\n\r\n"
# The server as it is, with less patience, so that no test has to wait for so long.
IMPATIENT = """
from referral.entrypoints.processes import listeners
from referral.entrypoints.cli.main import main
from referral.entrypoints.http import large_answers
from referral.entrypoints.http.middleware import bodies

listeners.STALLED_MS = 1_500
large_answers.SEND_SECONDS = 3
bodies.PATIENCE_SECONDS, bodies.IMPATIENCE_SECONDS, bodies.AWAITED = 4, 1, 5
main()
"""


AT_WORK = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'referral' AND state <> 'idle'
"""


@pytest.fixture(scope="module")
def server(databases, tmp_path_factory):
    """An impatient server with one worker."""
    with (
        databases.migrated() as url,
        running(tmp_path_factory.mktemp("server"), url, ("-c", IMPATIENT, "serve")) as server,
    ):
        yield server


@pytest.fixture
def ann(server):
    with server.client() as client:
        yield join(client)


def connections(server):
    """How many of its clients the server is connected to."""
    port = urlsplit(server.address).port
    established = "01"
    sockets = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    return sum(s[1].endswith(f":{port:04X}") and s[3] == established for s in sockets)


def megabytes(server):
    [worker] = server.workers
    status = Path(f"/proc/{worker}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def open_files(server):
    [worker] = server.workers
    return len(list(Path(f"/proc/{worker}/fd").iterdir()))


def many(server, number, sent, source="127.0.0.1"):
    """So many connections on which this was sent, until the block ends."""
    stack = ExitStack()
    clients = []
    for _ in range(number):
        clients.append(stack.enter_context(connected(server, source)))
        clients[-1].sendall(sent)
    return stack, clients


def test_e01_a_head_that_does_not_end_is_cut(server):
    with connected(server) as connection:
        connection.sendall(GET)

        assert is_closed(connection)


@pytest.mark.parametrize(
    "framing", [b"Content-Length: 60000\r\n\r\n{", b"Transfer-Encoding: chunked\r\n\r\n5\r\n{"]
)
def test_e02_a_body_that_does_not_end_is_cut(server, framing):
    with connected(server) as connection:
        connection.sendall(POST + framing)
        started = time.monotonic()

        answer = answer_on(connection)

        assert answer.status_code == 408
        assert answer.json()["type"] == "/problems/body-too-slow"
        assert answer.headers["connection"] == "close"
        assert is_closed(connection)
        assert 2 <= time.monotonic() - started < 10


def test_e02_a_body_that_trickles_is_cut_as_well(server):
    with connected(server) as connection:
        connection.sendall(POST + b"Content-Length: 60000\r\n\r\n{")
        connection.settimeout(0.2)
        for _ in range(100):
            try:
                answer = answer_on(connection)
                break
            except TimeoutError:
                connection.sendall(b" ")

        assert answer.status_code == 408


def test_e02_of_many_bodies_from_one_address_a_few_are_waited_for_longer(server):
    stack, clients = many(server, 15, POST + b"Content-Length: 60000\r\n\r\n{")
    with stack:
        waiting = set(clients)
        while len(waiting) > 5:
            answered, _, _ = select.select(waiting, [], [])
            assert {answer_on(client).status_code for client in answered} == {408}
            waiting -= set(answered)

        assert select.select(waiting, [], [], 0.4)[0] == []
        assert {answer_on(client).status_code for client in waiting} == {408}


def test_e02_who_sends_a_whole_body_is_answered_beside_1100_that_do_not(server):
    stack, _ = many(server, 1100, POST + b"Content-Length: 60000\r\n\r\n{", "127.0.0.2")
    with stack, server.client() as client:
        for _ in range(20):
            join(client)

    eventually(lambda: connections(server) <= 1)


def test_e01_e03_more_connections_are_taken_than_anyone_needs_to_keep_others_out(server):
    stack, _ = many(server, 1500, b"")
    with stack:
        eventually(lambda: open_files(server) > 1500, 4)

        assert server.get("/health/live").status_code == 200


@pytest.mark.parametrize("body", [b"", b"Content-Length: 60000\r\n\r\n"], ids=["read", "not read"])
def test_e02_who_is_answered_without_the_body_is_let_go(server, body):
    with connected(server) as connection:
        connection.sendall(GET + (body or b"Connection: close\r\n\r\n"))

        assert answer_on(connection).headers["connection"] == "close"
        assert is_closed(connection)


def test_e03_idle_connections_are_closed_and_keep_nobody_out(server):
    stack, clients = many(server, 1100, GET + b"\r\n")
    with stack:
        for client in clients:
            assert answer_on(client).status_code == 200
        assert server.get("/health/live").status_code == 200

        eventually(lambda: connections(server) == 0, 20)


def test_e04_readers_that_take_nothing_are_cut_and_cost_little(server):
    server.get("/docs/assets/scalar.standalone.js")  # it is read once, and kept
    before = megabytes(server)
    stack, clients = many(server, 0, LARGE)
    with stack:
        for _ in range(100):
            clients.append(stack.enter_context(connected(server)))
            clients[-1].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            clients[-1].sendall(LARGE)
        eventually(lambda: connections(server) >= 100)
        most = 0.0

        def cut():
            nonlocal most
            most = max(most, megabytes(server))
            return connections(server) == 0

        eventually(cut)

    assert most - before < 30


def test_e04_a_reader_that_takes_a_little_now_and_then_is_cut_as_well(server):
    with connected(server) as connection:
        connection.sendall(LARGE)
        taken = 0
        started = time.monotonic()
        while time.monotonic() - started < 20:
            time.sleep(0.05)
            try:
                piece = connection.recv(8192)
            except ConnectionResetError:
                break
            if not piece:
                break
            taken += len(piece)

    assert taken < 4_000_000
    assert time.monotonic() - started < 20


def test_e08_6000_odd_names_paths_methods_and_hosts_cost_no_memory(server):
    kinds = [
        ("GET /docs/assets/{long}", "localhost", 404),
        ("GET /docs/assets/{odd}", "localhost", 404),
        ("X{odd} /api/v1/codes/{odd}", "localhost", 405),
        ("GET /problems/{odd}", "{odd}.{long}", 400),
    ]

    def ask(numbers):
        for number in numbers:
            call, host, status = kinds[number % len(kinds)]
            odd = f"{number:x}" * 200
            request = f"{call} HTTP/1.1\r\nHost: {host}\r\n\r\n".format(odd=odd, long=odd * 15)
            connection.sendall(request.encode())
            assert answer_on(connection).status_code == status

    with connected(server) as connection:
        ask(range(2_000))
        before = megabytes(server), len(server.get("/metrics").content)
        ask(range(2_000, 8_000))

    assert megabytes(server) - before[0] < 5
    assert len(server.get("/metrics").content) < before[1] + 2000


def test_e10_clients_that_leave_are_let_go_and_make_no_noise(server, ann):
    before = server.log.stat().st_size
    requests = [
        POST + b"Content-Length: 500\r\n\r\n{",
        POST + b"Content-Length: 2\r\n\r\n{}",
        LARGE,
        f"GET /api/v1/users/{ann.id} HTTP/1.1\r\nHost: x.localhost\r\n".encode(),
        f"GET /api/v1/users/{ann.id} HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: {ann.bearer['Authorization']}\r\n\r\n".encode(),
    ]
    for number in range(2000):
        with connected(server) as connection:
            if number % 2:  # a reset, instead of an orderly end
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.sendall(requests[number % len(requests)])

    eventually(lambda: query(server.database_url, AT_WORK) == [(0,)], 2)
    eventually(lambda: connections(server) <= 1)
    assert ann.get(f"/users/{ann.id}").status_code == 200
    said = server.log.read_text()[before:]
    assert '"level":"error"' not in said
    assert "Traceback" not in said

"""The service while nobody reads its log."""

import fcntl
import json
import os
import re
import socket
import threading
from urllib.parse import urlsplit

import pytest

from people import join
from servers import Server, eventually, start, wait_until_ready

MORE_THAN_MAY_WAIT = 14_000  # lines


@pytest.fixture
def full_pipe():
    """The two ends of a pipe that takes nothing more until someone reads."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    os.write(writer, b"\n" * 4096)
    yield reader, writer
    os.close(reader)
    os.close(writer)


@pytest.fixture
def server(databases, tmp_path, full_pipe):
    """A server whose standard output and standard error nobody reads."""
    with databases.migrated() as url:
        server = start(tmp_path, url, output=full_pipe[1], workers=2)
        try:
            wait_until_ready(server)
            yield server
        finally:
            server.process.kill()
            server.process.wait()


def call(server: Server, times: int) -> None:
    """Call over one connection, and so one worker, with no wait for an answer before the next call."""
    parts = urlsplit(server.address)
    with socket.create_connection((parts.hostname, parts.port), timeout=60) as connection:
        calls = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n" * times
        sending = threading.Thread(target=connection.sendall, args=(calls,))
        sending.start()
        answered, rest = 0, b""
        while answered < times:
            rest += connection.recv(65536)
            answered += rest.count(b"HTTP/1.1 200")
            rest = rest[-11:]
        sending.join()


def dropped(server: Server) -> int:
    metrics = server.get("/metrics").text
    return int(float(re.search(r"(?m)^referral_log_lines_dropped_total (.*)$", metrics)[1]))


@pytest.mark.usefixtures("again")
def test_f28_a_log_that_nobody_reads_holds_up_no_call_and_drops_are_counted_and_told(
    server, full_pipe
):
    with server.client() as client:
        ann = join(client)
        call(server, MORE_THAN_MAY_WAIT)
        assert ann.issue().status_code == 201
    before = dropped(server)
    assert before > 0

    written = bytearray()
    reading = threading.Thread(target=lambda: read_all(full_pipe[0], written), daemon=True)
    reading.start()

    eventually(lambda: b"log lines were lost" in written)
    server.process.terminate()
    assert server.process.wait(10) == 0
    lines = [json.loads(line) for line in written.splitlines() if line.startswith(b"{")]
    assert len(lines) > 1000
    assert sum(line.get("lines", 0) for line in lines) >= before


def read_all(reader: int, into: bytearray) -> None:
    while data := os.read(reader, 65536):
        into += data


@pytest.mark.usefixtures("again")
def test_f28_a_log_that_nobody_reads_does_not_hold_up_the_stop(server):
    call(server, 1000)

    server.process.terminate()

    assert server.process.wait(10) == 0

"""What no HTTP library sends: requests that are cut off, malformed, oversized, or no HTTP at all."""

import json
import random
from itertools import pairwise
from urllib.parse import quote

import pytest

from raw_http import answer_on, ask, connected, is_closed
from servers import eventually

POST = b"POST /api/v1/auth/user HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
GET = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
NOT_READABLE = {
    "a chunk size with 0x": CHUNKED + b"0x2\r\n{}\r\n0\r\n\r\n",
    "a negative chunk size": CHUNKED + b"-2\r\n{}\r\n0\r\n\r\n",
    "a chunk size over 64 bits": CHUNKED + b"ffffffffffffffffff\r\n{}\r\n0\r\n\r\n",
    "a chunk size that is none": CHUNKED + b"two\r\n{}\r\n0\r\n\r\n",
    "a chunk extension of 60 kB": CHUNKED + b"2;" + b"x" * 60_000 + b"\r\n{}\r\n0\r\n\r\n",
    "chunks without carriage returns": CHUNKED + b"2\n{}\n0\n\n",
    "a chunk longer than its size": CHUNKED + b"2\r\n{}XX0\r\n\r\n",
    "trailers without end": CHUNKED + b"2\r\n{}\r\n0\r\n" + b"X: y\r\n" * 5000 + b"\r\n",
}
CUT_OFF = {
    "within a length": POST + b"Content-Length: 100\r\n\r\n{",
    "before the first byte": POST + b"Content-Length: 100\r\n\r\n",
    "within a chunk": CHUNKED + b"10\r\n{",
    "between two chunks": CHUNKED + b"2\r\n{}\r\n",
}


@pytest.fixture
def log(server):
    """What the server logs during the test: all of it, or the line about one answer."""
    before = server.log.stat().st_size

    def lines(answer=None):
        logged = [json.loads(line) for line in server.log.read_text()[before:].splitlines()]
        if answer is None:
            return logged
        return [li for li in logged if li.get("request_id") == answer.headers["x-request-id"]]

    return lines


def line_of(answer, log):
    eventually(lambda: log(answer))  # it comes when the answer has been sent
    [line] = log(answer)
    return line


def assert_cannot_be_read(answer, log):
    assert answer.status_code == 400
    assert answer.json()["type"] == "/problems/malformed-request"
    assert answer.headers["connection"] == "close"
    assert line_of(answer, log)["status"] == 400
    assert {line["level"] for line in log()} == {"info"}


@pytest.mark.parametrize("request_", NOT_READABLE.values(), ids=NOT_READABLE)
def test_d14_a_body_that_is_malformed_on_the_wire_is_told_so_and_the_connection_ends(
    server, log, request_
):
    with connected(server) as connection:
        connection.sendall(request_)

        assert_cannot_be_read(answer_on(connection), log)
        assert is_closed(connection)


@pytest.mark.parametrize("request_", CUT_OFF.values(), ids=CUT_OFF)
def test_d14_a_body_that_is_cut_off_is_told_so_to_who_still_listens(server, log, request_):
    assert_cannot_be_read(ask(server, request_, half_close=True), log)


@pytest.mark.parametrize(
    "framing",
    [
        b"Content-Length: 2\r\nContent-Length: 3\r\n",
        b"Content-Length: -2\r\n",
        b"Content-Length: +2\r\n",
        b"Content-Length: %s\r\n" % (b"9" * 5000),
        b"Transfer-Encoding: xchunked\r\n",
        b"Transfer-Encoding : chunked\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: gzip, chunked\r\n",
        b"Content-Length: 2\r\nX: a\r\n b\r\n",
    ],
)
def test_d16_a_body_whose_end_is_in_doubt_is_refused_and_the_connection_ends(server, framing):
    with connected(server) as connection:
        connection.sendall(POST + framing + b"\r\n{}" + GET + b"\r\n")

        assert answer_on(connection).status_code == 400
        assert is_closed(connection)


def test_d16_of_two_framings_chunks_count_and_nothing_is_read_after_them(server):
    with connected(server) as connection:
        connection.sendall(
            POST
            + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
            + GET
            + b"\r\n"
        )

        assert answer_on(connection).status_code == 422
        assert is_closed(connection)


def test_d15_a_body_that_would_be_a_terabyte_is_refused_before_it_is_sent(server):
    answer = ask(server, POST + b"Content-Length: 1000000000000\r\n\r\n{")

    assert answer.status_code == 413
    assert answer.headers["connection"] == "close"


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (GET + b"".join(b"X-%d: y\r\n" % n for n in range(200)), 431),
        (GET + b"X: " + b"y" * 100_000 + b"\r\n", 431),
        (GET.replace(b"live", b"y" * 100_000), 431),
        (GET.replace(b"live", b"y" * 1_100), 404),
        (GET.replace(b"live", b"%c3%bf" * 1_100), 404),
    ],
    ids=["201 headers", "100 kB in one", "an address of 100 kB", "1.1 kB", "1.1 kB, encoded"],
)
def test_d19_a_head_that_is_too_large_is_refused(server, head, status):
    assert ask(server, head + b"\r\n").status_code == status


NO_HTTP = {
    "TLS": bytes.fromhex("16030100f4010000f00303") + b"a" * 200,
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
    "HTTP/3": b"GET / HTTP/3.0\r\nHost: localhost\r\n\r\n",
    "NULs": b"\0" * 50_000 + b"\r\n\r\n",
    "SSH": b"SSH-2.0-OpenSSH_9.9\r\n\r\n",
}


@pytest.mark.parametrize("sent", NO_HTTP.values(), ids=NO_HTTP)
def test_d20_what_is_no_http_ends_the_connection(server, sent):
    with connected(server) as connection:
        connection.sendall(sent)

        answer = connection.recv(1024)

        assert answer.startswith(b"HTTP/1.1 400") or not answer
        assert not answer or is_closed(connection)


def test_d20_random_bytes_leave_the_server_as_it_was(server, log):
    noise = random.Random(20)
    for _ in range(500):
        with connected(server) as connection:
            connection.sendall(noise.randbytes(noise.randrange(1, 400)))

    assert server.get("/health/ready").status_code == 200
    assert {line["level"] for line in log()} <= {"info"}


def test_d21_a_websocket_is_not_opened(server):
    upgrade = (
        b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: \x80\xff\r\n"
    )

    answer = ask(server, GET + upgrade + b"\r\n")

    assert answer.status_code == 200
    assert "upgrade" not in answer.headers


@pytest.mark.parametrize(
    "text",
    ["a\r\nb", "\x1b[31m", "x" * 900, '"}{"level":"error'],
    ids=["a line break", "a colour", "900 letters", "JSON"],
)
def test_d23_what_a_caller_sends_is_not_in_the_log(client, log, text):
    requests = [
        ("GET", f"/nothing/{quote(text)}?{quote(text)}", None),
        (text.encode().hex(), "/nothing", None),
        ("POST", "/auth/token", {"username": text, text: text}),
    ]
    for method, path, body in requests:
        line = line_of(client.request(method, path, json=body, headers={"X": quote(text)}), log)

        assert line.keys() == {
            *("event", "level", "method", "ms", "pid", "request_id", "route", "status"),
            "timestamp",
        }
        assert line["method"] in {"GET", "POST", "other"}
        assert line["route"] in {"none", "/api/v1/auth/token"}


def test_d24_json_is_answered_whatever_is_accepted_and_no_other_site_may_read_it(client, ann):
    for origin in ("null", "https://evil.example"):
        headers = {"Accept": "application/xml", "Origin": origin, **ann.bearer}

        answer = client.get("/codes", headers=headers)
        preflight = client.options(
            "/codes",
            headers={"Origin": origin, "Access-Control-Request-Method": "DELETE"},
        )

        assert answer.headers["content-type"] == "application/json"
        for headers in (answer.headers, preflight.headers):
            assert not [name for name in headers if name.startswith("access-control-")]


def test_l04_no_answer_tells_the_servers_version_or_how_many_were_answered(server):
    ids = []
    for _ in range(50):
        answer = server.get("/health/live")
        ids.append(int(answer.headers["x-request-id"], 16))
        assert not any(char.isdigit() for char in answer.headers["server"])

    gaps = {abs(later - earlier) for earlier, later in pairwise(ids)}
    assert len({one_id >> 64 for one_id in ids}) == len(ids)
    assert min(gaps) > 2**64

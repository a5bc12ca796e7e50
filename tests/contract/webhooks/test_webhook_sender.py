"""What is promised of every call to a webhook endpoint, on a server of this machine that counts who connects."""

import asyncio
import json
import socket
import subprocess
import sys
import threading
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from examples import NOT_PUBLIC
from referral.adapters import webhook_sender as module
from referral.adapters.webhook_sender import AiohttpSender
from referral.application.webhooks.ports import Answer

HEADERS = {"content-type": "application/json", "webhook-id": "1"}
REFUSAL = "the address is not public"


class Receiver:
    """Answers every request with the same bytes, and keeps what it was sent."""

    def __init__(self, answer):
        self.answer = answer
        self.connections = 0
        self.requests = []
        self.held = asyncio.Event()

    async def serve(self, reader, writer):
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = next(
                    int(line.split(b":")[1])
                    for line in head.split(b"\r\n")
                    if line.lower().startswith(b"content-length")
                )
                self.requests.append((head, await reader.readexactly(length)))
                writer.write(self.answer)
                await writer.drain()
                if not self.answer.endswith(b"\r\n\r\nok"):
                    await self.held.wait()
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def receiving(answer=b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", host="127.0.0.1"):
    receiver = Receiver(answer)
    server = await asyncio.start_server(receiver.serve, host, 0)
    receiver.port = server.sockets[0].getsockname()[1]
    receiver.url = f"http://127.0.0.1:{receiver.port}/hooks?shop=1%2F2"
    try:
        yield receiver
    finally:
        receiver.held.set()
        server.close()
        server.close_clients() if hasattr(server, "close_clients") else None


@pytest.fixture
async def sender(clock):
    async with AiohttpSender(clock, private_networks=True) as sender:
        yield sender


@pytest.fixture
async def careful(clock):
    async with AiohttpSender(clock, private_networks=False) as sender:
        yield sender


async def test_a_message_arrives_as_it_was_given(sender):
    async with receiving() as receiver:
        answer = await sender.send(receiver.url, HEADERS, '{"n":1}')

    assert answer == Answer(200, "ok")
    [(head, body)] = receiver.requests
    assert head.startswith(b"POST /hooks?shop=1%2F2 HTTP/1.1\r\n")
    assert b"webhook-id: 1\r\n" in head
    assert json.loads(body) == {"n": 1}


async def test_a_connection_is_kept_for_the_next_message(sender):
    async with receiving() as receiver:
        for _ in range(5):
            await sender.send(receiver.url, HEADERS, "{}")

    assert (receiver.connections, len(receiver.requests)) == (1, 5)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_an_answer_and_is_not_followed(sender, status):
    async with receiving() as elsewhere:
        answer = f"HTTP/1.1 {status} X\r\nLocation: {elsewhere.url}\r\nContent-Length: 2\r\n\r\nok"
        async with receiving(answer.encode()) as receiver:
            answered = await sender.send(receiver.url, HEADERS, "{}")

    assert answered.status == status
    assert elsewhere.connections == 0


async def test_no_more_than_1_kb_of_an_answer_is_kept(sender):
    long = b"HTTP/1.1 500 X\r\nContent-Length: 50000\r\n\r\n" + b"x" * 50_000
    async with receiving(long) as receiver:
        answer = await sender.send(receiver.url, HEADERS, "{}")

    assert answer == Answer(500, "x" * 1000)


async def test_an_answer_that_is_no_text_can_be_stored(sender):
    async with receiving(b"HTTP/1.1 500 X\r\nContent-Length: 4\r\n\r\n\x00\xffok") as receiver:
        receiver.held.set()
        answer = await sender.send(receiver.url, HEADERS, "{}")

    assert answer == Answer(500, "�ok")


async def test_an_answer_whose_text_never_comes_counts_by_its_status(sender, monkeypatch):
    monkeypatch.setattr(module, "TEXT_SECONDS", 0.1)
    async with receiving(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf") as receiver:
        answer = await sender.send(receiver.url, HEADERS, "{}")

    assert answer == Answer(200, "half")


@pytest.mark.parametrize(
    "half",
    [
        b"Content-Length: 9\r\n\r\nhalf",
        b"Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n9\r\nhalf",
    ],
)
@pytest.mark.parametrize("status", [200, 503])
async def test_an_answer_whose_text_breaks_off_counts_by_its_status(sender, status, half):
    async with receiving(b"HTTP/1.1 %d X\r\n" % status + half) as receiver:
        receiver.held.set()
        answer = await sender.send(receiver.url, HEADERS, "{}")

    assert answer == Answer(status, "half")


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("120", timedelta(minutes=2)),
        ("0", timedelta(0)),
        ("Tue, 01 Jan 2030 00:02:00 GMT", timedelta(minutes=2)),
        ("Tuesday, 01-Jan-30 00:02:00 GMT", timedelta(minutes=2)),
        ("Mon, 31 Dec 2029 23:58:00 GMT", timedelta(0)),
        ("Fri, 01 Feb 2030 00:00:00 GMT", timedelta(days=31)),
        ("Tue, 01 Jan 2030 00:02:00", None),
        ("Tue, 32 Jan 2030 00:02:00 GMT", None),
        ("Tue, 01 Jan 2030 00:02:00 +99999999999999", None),
        ("2030-01-01T00:02:00Z", None),
        ("tomorrow", None),
        ("-1", None),
        ("1" * 30, None),
    ],
)
async def test_how_long_an_endpoint_asks_to_be_left_alone_is_read(sender, text, read):
    head = f"HTTP/1.1 503 X\r\nRetry-After: {text}\r\nContent-Length: 2\r\n\r\nok"
    async with receiving(head.encode()) as receiver:
        answer = await sender.send(receiver.url, HEADERS, "{}")

    assert (answer.status, answer.retry_after) == (503, read)


async def test_an_endpoint_that_does_not_answer_is_given_up(clock, monkeypatch):
    monkeypatch.setattr(module, "ANSWER_SECONDS", 0.2)
    async with AiohttpSender(clock, private_networks=True) as sender, receiving(b"") as receiver:
        answer = await sender.send(receiver.url, HEADERS, "{}")

    assert answer == Answer(None, "There was no answer within 0.2 seconds.")


def test_an_endpoint_has_15_seconds():
    assert module.ANSWER_SECONDS == 15


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/",
        "http://nobody.invalid/",
        f"http://{'x' * 70}.example.org/",
        "http://[::1]:1/",
        "http://-/",
    ],
)
async def test_an_endpoint_that_cannot_be_reached_is_told_and_no_error(sender, url):
    answer = await sender.send(url, HEADERS, "{}")

    assert answer.status is None
    assert 0 < len(answer.text) <= 1000


async def test_what_is_no_http_is_told_and_no_error(sender):
    async with receiving(b"SSH-2.0-OpenSSH_9.2\r\n") as receiver:
        receiver.held.set()
        answer = await sender.send(receiver.url, HEADERS, "{}")

    assert answer.status is None


@pytest.mark.parametrize("address", [a for a in NOT_PUBLIC if "%" not in a])
async def test_nothing_is_sent_to_an_address_that_is_not_public(careful, address):
    host = f"[{address}]" if ":" in address else address

    answer = await careful.send(f"https://{host}/", HEADERS, "{}")

    assert answer.status is None
    assert REFUSAL in answer.text


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "0x7f.1", "2130706433", "localhost"])
async def test_whatever_this_machine_is_called_nobody_connects(careful, host):
    async with receiving() as receiver:
        answer = await careful.send(f"http://{host}:{receiver.port}/", HEADERS, "{}")

    assert answer.status is None
    assert receiver.connections == 0


class Rebinding:
    """A name server that gives each question another answer."""

    def __init__(self, *answers):
        self.answers = [*answers]
        self.asked = 0

    def __call__(self, host, port, *_, **__):
        self.asked += 1
        addresses = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [
            (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, port))
            for address in addresses
        ]


async def test_a_name_that_leads_here_once_it_was_looked_at_is_refused(careful, monkeypatch):
    names = Rebinding(["192.0.2.1"], ["127.0.0.1"])
    monkeypatch.setattr(socket, "getaddrinfo", names)
    async with receiving() as receiver:
        url = f"http://rebind.example.org:{receiver.port}/"
        assert socket.getaddrinfo("rebind.example.org", 0)[0][4][0] == "192.0.2.1"
        answer = await careful.send(url, HEADERS, "{}")

    assert REFUSAL in answer.text
    assert names.asked == 2
    assert receiver.connections == 0


async def test_of_several_addresses_of_a_name_only_public_ones_are_connected_to(
    careful, monkeypatch
):
    public = "127.0.0.2"  # stands for one, where there is no internet
    monkeypatch.setattr(module, "is_public", public.__eq__)
    monkeypatch.setattr(socket, "getaddrinfo", Rebinding(["127.0.0.1", public]))
    async with receiving() as private, receiving(host=public) as receiver:
        refused = await careful.send(f"http://both.example.org:{private.port}/", HEADERS, "{}")
        taken = await careful.send(f"http://both.example.org:{receiver.port}/", HEADERS, "{}")

    assert (refused.status, private.connections) == (None, 0)
    assert taken == Answer(200, "ok")


async def test_it_can_be_prepared_any_number_of_times_and_sends_then(clock):
    async with receiving() as receiver, AiohttpSender(clock, private_networks=True) as sender:
        await asyncio.gather(sender.prepare(), sender.prepare())
        await sender.prepare()

        assert await sender.send(receiver.url, HEADERS, "{}") == Answer(200, "ok")


class Hanging:
    """A name server that leads `good.example.org` here, and answers no other question before it is released."""

    def __init__(self):
        self.released = threading.Event()

    def __call__(self, host, port, *_, **__):
        if host != "good.example.org":
            self.released.wait()
            raise socket.gaierror(socket.EAI_AGAIN, "no answer")
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", port))]


async def test_names_that_are_not_answered_hold_up_no_other(sender, monkeypatch):
    names = Hanging()
    monkeypatch.setattr(socket, "getaddrinfo", names)
    await sender.prepare()
    async with receiving() as receiver:
        slow = [
            asyncio.create_task(sender.send(f"http://{n}.example.org/", HEADERS, "{}"))
            for n in range(50)  # more than the loop has threads
        ]
        try:
            async with asyncio.timeout(module.ANSWER_SECONDS / 3):
                url = f"http://good.example.org:{receiver.port}/"
                answer = await asyncio.create_task(sender.send(url, HEADERS, "{}"))
        finally:
            names.released.set()

    assert answer == Answer(200, "ok")
    assert {(await task).status for task in slow} == {None}


async def test_where_no_thread_can_be_started_it_is_told_and_no_error(sender, monkeypatch):
    def refuse(**_):
        raise RuntimeError("can't start new thread")

    await sender.prepare()
    monkeypatch.setattr(module, "Thread", refuse)
    answer = await sender.send("http://good.example.org/", HEADERS, "{}")

    assert answer.status is None
    assert "no thread" in answer.text


STOPPED = """
import asyncio, socket, threading
from referral.adapters.webhook_sender import AiohttpSender

def hang(*_, **__):
    asked.set()
    threading.Event().wait()

async def stop():
    async with AiohttpSender(None, private_networks=True) as sender:
        sending = asyncio.create_task(sender.send("http://slow.example.org/", {}, "{}"))
        await asyncio.to_thread(asked.wait)
        sending.cancel()

asked = threading.Event()
socket.getaddrinfo = hang
asyncio.run(stop())
"""


def test_a_name_that_is_not_answered_holds_up_no_stop():
    subprocess.run([sys.executable, "-c", STOPPED], check=True, timeout=10)

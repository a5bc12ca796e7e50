"""Answers of many kilobytes."""

import asyncio
import gzip
import threading

import pytest
from litestar import Request

from referral.entrypoints.http import large_answers
from referral.entrypoints.http.large_answers import InPieces, Large

CONTENT = bytes(range(256)) * 1000


def request(accept_encoding=None):
    headers = [(b"accept-encoding", accept_encoding.encode())] if accept_encoding else []
    return Request({"type": "http", "headers": headers})


class Reader:
    """Takes pieces, as many as it is allowed to, until it leaves."""

    def __init__(self, pieces=1_000_000):
        self.room = asyncio.Semaphore(pieces)
        self.left = asyncio.Event()
        self.headers = {}
        self.taken = []
        self.complete = False

    async def receive(self):
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message):
        if message["type"] == "http.response.start":
            self.headers = dict(message["headers"])
            return
        await self.room.acquire()
        self.taken.append(message["body"])
        self.complete = not message["more_body"]

    async def reads(self, answer):
        await answer({"type": "http"}, self.receive, self.send)
        return b"".join(self.taken)


async def test_a_reader_gets_all_of_it_in_small_pieces():
    reader = Reader()

    assert await reader.reads(InPieces(CONTENT, [])) == CONTENT
    assert reader.complete
    assert reader.headers[b"content-length"] == str(len(CONTENT)).encode()
    assert max(map(len, reader.taken)) <= large_answers.PIECE


@pytest.mark.parametrize("accepted", ["gzip", "br, gzip;q=0.5", "GZIP ; q=1.0", "deflate,gzip"])
async def test_who_takes_gzip_gets_it(accepted):
    answer = await Large(lambda: CONTENT, "text/css", b"no-store").to(request(accepted))
    reader = Reader()

    assert gzip.decompress(await reader.reads(answer)) == CONTENT
    assert reader.headers[b"content-encoding"] == b"gzip"
    assert reader.headers[b"vary"] == b"accept-encoding"


@pytest.mark.parametrize("accepted", [None, "br", "gzip;q=0", "gzip; q=0.000", "x-gzip", "*"])
async def test_who_does_not_gets_it_as_it_is(accepted):
    answer = await Large(lambda: CONTENT, "text/css", b"no-store").to(request(accepted))
    reader = Reader()

    assert await reader.reads(answer) == CONTENT
    assert b"content-encoding" not in reader.headers


async def test_it_is_made_once_for_all_and_not_where_others_wait_for_it():
    threads = []

    def make():
        threads.append(threading.get_ident())
        return CONTENT

    made = Large(make, "text/css", b"no-store")
    await asyncio.gather(*(made.to(request()) for _ in range(10)))

    assert len(threads) == 1
    assert threads != [threading.get_ident()]


async def test_e04_a_reader_that_takes_nothing_more_is_given_up(monkeypatch):
    monkeypatch.setattr(large_answers, "SEND_SECONDS", 0.01)
    reader = Reader(pieces=3)

    async with asyncio.timeout(5):
        await reader.reads(InPieces(CONTENT, []))

    assert len(reader.taken) == 3
    assert not reader.complete


async def test_e10_nothing_more_is_sent_to_a_reader_that_left():
    reader = Reader()
    reader.left.set()

    await reader.reads(InPieces(CONTENT, []))

    assert len(reader.taken) < 5
    assert not reader.complete


async def test_nobody_is_left_waiting_for_a_reader_to_leave():
    before = asyncio.all_tasks()

    await Reader().reads(InPieces(CONTENT, []))
    await asyncio.sleep(0)

    assert asyncio.all_tasks() == before

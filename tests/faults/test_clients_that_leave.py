"""Clients that do not wait for their answers."""

import asyncio
import json
import random
import socket
import struct
from urllib.parse import urlsplit

import pytest

from databases import query
from long_form import REPEATS
from people import FAR, Person, details, join
from servers import Server, eventually, running

CLIENTS = 400
AT_ONCE = 40
LONGEST_SECONDS = 0.05
BUSY = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'
"""
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: the connection is gone at once when it is closed

pytestmark = pytest.mark.anyio


@pytest.fixture
def server(databases, tmp_path):
    """Two workers with one connection each: when one is lost, a worker can serve nobody any more."""
    with (
        databases.migrated() as url,
        running(tmp_path, url, workers=2, pool_size=1) as server,
    ):
        yield server


def some_request(ann: Person, chance: random.Random) -> bytes:
    """A read or a write, or one that is refused; sometimes only a part is sent."""
    method, path, body = chance.choice(
        [
            ("GET", "/users/me", None),
            ("POST", "/auth/user", details()),
            ("POST", "/codes", {"expires_at": FAR, "replace_active": True}),
            ("DELETE", "/codes/NO-SUCH-CODE", None),
        ]
    )
    content = json.dumps(body).encode() if body else b""
    lines = [
        f"{method} /api/v1{path} HTTP/1.1",
        "Host: localhost",
        f"Authorization: {ann.bearer['Authorization']}",
        f"Content-Length: {len(content)}",
        "Content-Type: application/json",
        *chance.choice([[], [f"Idempotency-Key: {chance.random()}"]]),
    ]
    request = "\r\n".join([*lines, "", ""]).encode() + content
    return request[: chance.choice([len(request)] * 3 + [chance.randrange(len(request))])]


async def leave_in_the_middle(server: Server, request: bytes, chance: random.Random) -> None:
    place = urlsplit(server.address)
    _, writer = await asyncio.open_connection(place.hostname, place.port)
    writer.write(request)
    await asyncio.sleep(chance.uniform(0, LONGEST_SECONDS))
    if chance.random() < 0.5:
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.close()


async def test_f26_clients_that_leave_in_the_middle_of_a_call_leave_no_connection_in_use(server):
    chance = random.Random(26)
    turns = asyncio.Semaphore(AT_ONCE)

    async def leave(request: bytes) -> None:
        async with turns:
            await leave_in_the_middle(server, request, chance)

    with server.client() as client:
        ann = join(client)
    for _ in range(REPEATS):
        await asyncio.gather(*(leave(some_request(ann, chance)) for _ in range(CLIENTS)))

        eventually(lambda: query(server.database_url, BUSY) == [(0,)], seconds=5)
        for _ in range(20):
            with server.client() as client:  # a new connection, to either of the workers
                ann.client = client
                assert ann.get("/users/me").status_code == 200
                assert ann.issue(replace_active=True).status_code == 201

"""One caller who asks for much at a time keeps nobody else waiting."""

from collections import Counter
from contextlib import ExitStack

import asyncpg
import pytest

from databases import query
from people import join
from raw_http import answer_on, connected
from servers import eventually, running

POOL = 10
WAITING = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


@pytest.fixture
def server(databases, tmp_path):
    """A server with one worker that limits, as it does by default."""
    with (
        databases.migrated() as url,
        running(tmp_path, url, rate_limits="on", pool_size=POOL) as server,
    ):
        yield server


@pytest.fixture
def calls(server):
    """Sends so many calls of one person at once, and returns the connections on which they will be answered."""
    with ExitStack() as stack:

        def send(person, number, call):
            clients = [stack.enter_context(connected(server)) for _ in range(number)]
            for client in clients:
                client.sendall(
                    f"{call} HTTP/1.1\r\nHost: localhost\r\n"
                    f"Authorization: {person.bearer['Authorization']}\r\n\r\n".encode()
                )
            return clients

        yield send


async def test_e09_400_calls_of_one_user_leave_the_database_to_others(server, calls):
    with server.client() as client:
        ann, bob = join(client), join(client)
        code = ann.new_code()
        owner = await asyncpg.connect(server.database_url)
        async with owner.transaction():
            # Each call waits for ann's row as long as PostgreSQL lets it, and keeps a connection meanwhile.
            await owner.execute("SELECT FROM users WHERE id = $1 FOR UPDATE", ann.id)
            anns = calls(ann, 400, f"DELETE /api/v1/codes/{code}")
            eventually(lambda: query(server.database_url, WAITING)[0][0] >= POOL // 2)

            bobs = [bob.get("/users/me") for _ in range(50)]

            [(waiting,)] = query(server.database_url, WAITING)
            assert waiting <= POOL // 2
            statuses = Counter(answer_on(call).status_code for call in anns)
        await owner.close()

    assert {answer.status_code for answer in bobs} == {200}
    # What else the machine does may hold up a few of them.
    assert sorted(answer.elapsed.total_seconds() for answer in bobs)[44] < 0.9
    assert statuses.keys() <= {429, 503}
    assert statuses[429] >= 250


def test_e09_a_call_that_is_one_too_many_is_told_to_come_back(server, calls):
    with server.client() as client:
        ann = join(client)

        answers = [answer_on(call) for call in calls(ann, 400, "GET /api/v1/codes")]

        assert ann.get("/codes").status_code == 200
    assert {answer.status_code for answer in answers} <= {200, 429}
    for answer in answers:
        if answer.status_code == 429:
            assert answer.json()["type"] == "/problems/too-many-calls"
            assert answer.headers["retry-after"] == "1"

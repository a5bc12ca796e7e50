"""Transactions that meet others': a deadlock, or a row that changed meanwhile, is no reason to refuse a call."""

import asyncio
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest

from databases import execute
from people import FAR, details, join
from servers import PASSWORD, running

pytestmark = pytest.mark.anyio

WAITING = """
    SELECT count(*) = 1 FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'referral' AND wait_event_type = 'Lock'
"""
A_USER_BOB = """
    INSERT INTO users (id, username, username_key, email, email_key, password_hash, credentials_version, created_at)
    VALUES (gen_random_uuid(), 'bob', 'bob', 'bob@example.org', 'bob@example.org', '', 1, now())
"""
ITS_CODES = "SELECT FROM referral_codes FOR UPDATE"
ITS_TOKENS = "SELECT FROM refresh_tokens FOR UPDATE"
# What someone else has before they ask for the user's row, and the call that does it the other way round.
CALLS = {
    "replace": (ITS_CODES, "POST", "/codes", {"expires_at": FAR, "replace_active": True}),
    "withdraw": (ITS_CODES, "DELETE", "/codes/ANNS-CODE", None),
    "register": (A_USER_BOB, "POST", "/auth/user", {**details("bob"), "code": "ANNS-CODE"}),
    "change": (
        ITS_TOKENS,
        "POST",
        "/users/me/password",
        {"password": PASSWORD, "new_password": "x y z 1 2 3"},
    ),
    "erase": (ITS_TOKENS, "DELETE", "/users/me", {"password": PASSWORD}),
    "refresh": (ITS_TOKENS, "POST", "/auth/token", "refresh_token"),
    "revoke": (ITS_TOKENS, "POST", "/auth/revoke", "token"),
}
KEYS = {call: {"Idempotency-Key": call} for call in CALLS if CALLS[call][1] == "POST"}


@pytest.fixture(scope="module")
def server(databases, tmp_path_factory):
    """A server whose database tells soon of a deadlock, and has another isolation by default."""
    with databases.migrated() as url:
        name = urlsplit(url).path[1:]
        execute(url, f"ALTER DATABASE {name} SET deadlock_timeout = '200ms'")
        execute(url, f"ALTER DATABASE {name} SET default_transaction_isolation = 'repeatable read'")
        with running(tmp_path_factory.mktemp("server"), url) as server:
            yield server


@pytest.fixture
def ann(server, client):
    execute(server.database_url, "TRUNCATE users CASCADE")
    ann = join(client, username="ann", email="ann@example.org")
    ann.new_code(code="ANNS-CODE")
    return ann


@pytest.fixture
async def other(server, ann):
    """Someone else's connection; in a deadlock it is not the one that is undone."""
    connection = await asyncpg.connect(server.database_url)
    await connection.execute("SET deadlock_timeout = '10s'")
    yield connection
    await connection.close()


def send(ann, call, headers) -> httpx.Response:
    _, method, path, body = CALLS[call]
    if isinstance(body, str):
        form = {"grant_type": "refresh_token", body: ann.tokens["refresh_token"]}
        return ann.client.request(method, path, data=form, headers=headers)
    return ann.client.request(method, path, json=body, headers={**ann.bearer, **headers})


async def until_it_waits(other) -> None:
    async with asyncio.timeout(15):
        while not await other.fetchval(WAITING):
            await other.execute("SELECT pg_stat_clear_snapshot()")
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("call", "headers"), [*((call, {}) for call in CALLS), *KEYS.items()], ids=str
)
async def test_f25_the_victim_of_a_deadlock_is_done_all_the_same(server, ann, other, call, headers):
    transaction = other.transaction()
    await transaction.start()
    await other.execute(CALLS[call][0])
    answering = asyncio.create_task(asyncio.to_thread(send, ann, call, headers))
    await until_it_waits(other)

    await other.execute("SELECT FROM users WHERE username = 'ann' FOR UPDATE")
    await transaction.rollback()
    answer = await answering

    assert answer.is_success, answer.text
    assert answer.elapsed.total_seconds() < 2


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "1"}], ids=str)
async def test_f25_a_row_that_changed_meanwhile_is_read_again(server, ann, other, headers):
    async with other.transaction():
        await other.execute("UPDATE users SET referrals_count = referrals_count")
        answering = asyncio.create_task(asyncio.to_thread(send, ann, "replace", headers))
        await until_it_waits(other)
    answer = await answering

    assert answer.status_code == 201, answer.text
    codes = ann.get("/codes").json()["items"]
    assert [code["is_active"] for code in codes].count(True) == 1

"""What must be decided once is, however often it is asked for at the same time.

The calls come over connections of their own to a server with two worker processes.
"""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from databases import query
from people import FAR, details
from servers import eventually, workers_that_answered

AT_ONCE = 200
pytestmark = pytest.mark.anyio


@pytest.fixture
async def crowd(server):
    """A client that opens a connection for each call that is under way."""
    limits = httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=0)
    async with httpx.AsyncClient(base_url=server.api, timeout=60, limits=limits) as client:
        yield client


async def statuses(calls) -> Counter[int]:
    return Counter(response.status_code for response in await asyncio.gather(*calls))


async def test_f16_of_200_codes_issued_at_once_one_is(server, crowd, ann):
    calls = [
        crowd.post("/codes", headers=ann.bearer, json={"expires_at": FAR}) for _ in range(AT_ONCE)
    ]

    answers = await statuses(calls)

    assert answers == {201: 1, 409: AT_ONCE - 1}
    assert query(
        server.database_url, f"SELECT count(*) FROM referral_codes WHERE owner_id = '{ann.id}'"
    ) == [(1,)]
    eventually(lambda: len(workers_that_answered(server, "/api/v1/codes")) == 2)


async def test_f18_of_200_registrations_of_one_address_at_once_one_is(server, crowd):
    address = "the.only.one@example.org"
    spellings = [
        "".join(c.upper() if n >> k & 1 else c for k, c in enumerate(address))
        for n in range(AT_ONCE)
    ]
    calls = [
        crowd.post("/auth/user", json={**details(f"racer{n}"), "email": spelling})
        for n, spelling in enumerate(spellings)
    ]

    answers = await statuses(calls)

    assert answers[201] == 1
    assert answers.keys() <= {201, 409, 503}, "503 is for those that find the hashing queue full"
    assert query(
        server.database_url, f"SELECT count(*) FROM users WHERE email_key = '{address}'"
    ) == [(1,)]
    eventually(lambda: len(workers_that_answered(server, "/api/v1/auth/user")) == 2)


async def test_of_many_refreshes_of_one_token_at_once_at_most_one_is_good(
    server, crowd, client, ann
):
    form = {"grant_type": "refresh_token", "refresh_token": ann.tokens["refresh_token"]}

    answers = await statuses([crowd.post("/auth/token", data=form) for _ in range(50)])

    assert answers[200] <= 1
    assert answers[200] + answers[401] == 50
    assert query(
        server.database_url, f"SELECT count(*) FROM refresh_tokens WHERE user_id = '{ann.id}'"
    ) == [(0,)]


async def test_of_many_replacements_at_once_one_code_is_left(server, crowd, ann):
    body = {"expires_at": FAR, "replace_active": True}

    async def replace():
        """The answer, once the machine is not too busy to give another."""
        while (answer := await crowd.post("/codes", headers=ann.bearer, json=body)).is_server_error:
            assert answer.status_code == 503
            await asyncio.sleep(float(answer.headers["retry-after"]))
        return answer

    answers = await statuses([replace() for _ in range(50)])

    assert answers == {201: 50}
    active = "SELECT count(*) FROM referral_codes WHERE retired_at IS NULL AND owner_id = "
    assert query(server.database_url, f"{active}'{ann.id}'") == [(1,)]


@pytest.mark.parametrize("ending", ["withdrawn", "expired"])
async def test_f19_a_registration_that_races_with_the_end_of_its_code_is_decided_once(
    server, crowd, client, ann, ending
):
    registered, refused = 0, 0
    for _ in range(10):
        lifetime = timedelta(seconds=0.4) if ending == "expired" else timedelta(days=1)
        code = ann.new_code(expires_at=(datetime.now(UTC) + lifetime).isoformat())

        calls = [
            after(n * 0.04, crowd.post, f"/auth/user/{code}", json=details()) for n in range(12)
        ]
        if ending == "withdrawn":
            calls.insert(6, after(0.24, crowd.delete, f"/codes/{code}", headers=ann.bearer))
        answers = await statuses(calls)

        assert answers.keys() <= {201, 204, 404}
        registered += answers[201]
        refused += answers[404]
        await until_inactive(crowd, code)

    assert min(registered, refused) > 0, "the race was not one"
    assert ann.get(f"/users/{ann.id}").json()["total"] == registered
    stored = f"SELECT count(*), count(DISTINCT referee_id), max(number) FROM referrals WHERE referrer_id = '{ann.id}'"
    assert query(server.database_url, stored) == [(registered, registered, registered)]


async def after(seconds: float, call, *arguments, **options) -> httpx.Response:
    """The calls of a race are spread over the time in which it is decided."""
    await asyncio.sleep(seconds)
    return await call(*arguments, **options)


async def until_inactive(client: httpx.AsyncClient, code: str) -> None:
    deadline = asyncio.get_running_loop().time() + 10
    while (await client.get(f"/codes/{code}/status")).json().get("is_active"):
        assert asyncio.get_running_loop().time() < deadline

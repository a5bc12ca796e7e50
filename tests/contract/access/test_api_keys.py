import asyncio
import time
from dataclasses import replace
from datetime import timedelta

import pytest

from concurrency import outcomes_of
from examples import NOW, an_id
from fakes import FakeKeyRing, InMemoryStore
from referral.adapters.postgres.access import key_ring as key_ring_module
from referral.adapters.postgres.access.api_keys import PostgresApiKeys
from referral.adapters.postgres.access.key_ring import PostgresKeyRing
from referral.application.pages import ListRequest
from referral.domain.access.api_key import ApiKey
from referral.domain.access.caller import KeyId, Scope
from referral.domain.access.errors import InvalidAccessToken, KeyNotFound
from referral.domain.access.refresh_token import digest_of
from referral.domain.errors import DatabaseUnavailable


def a_key(number=1, **changes):
    key = ApiKey(
        id=KeyId(an_id(number)),
        name=f"key {number}",
        digest=digest_of(f"key {number}"),
        scopes=frozenset({Scope.EVENTS_WRITE, Scope.CODES_READ}),
        created_at=NOW,
    )
    return replace(key, **changes)


async def test_a_key_is_listed_as_it_was_added(api_keys):
    plain, whole = (
        a_key(1),
        a_key(2, expires_at=NOW + timedelta(days=1), last_used_at=NOW, name="Ключ ✓"),
    )
    for key in (plain, whole):
        await api_keys.add(key)

    page = await api_keys.page_of(ListRequest())

    assert page.items == [whole, plain]
    assert page.next_cursor is None


async def test_the_list_is_walked_from_the_newest_to_the_oldest(api_keys):
    for number in (3, 1, 5, 2, 4):
        await api_keys.add(a_key(number))

    walked, cursor = [], None
    while True:
        page = await api_keys.page_of(ListRequest.of(limit=2, cursor=cursor))
        walked.append([key.name for key in page.items])
        cursor = page.next_cursor
        if cursor is None:
            break

    assert walked == [["key 5", "key 4"], ["key 3", "key 2"], ["key 1"]]


async def test_a_page_that_ends_the_list_has_nothing_after_it(api_keys):
    for number in (1, 2):
        await api_keys.add(a_key(number))

    assert (await api_keys.page_of(ListRequest.of(limit=2))).next_cursor is None


async def test_a_revoked_key_is_listed_no_more(api_keys):
    for number in (1, 2):
        await api_keys.add(a_key(number))

    await api_keys.revoke(a_key(1).id, NOW)

    assert (await api_keys.page_of(ListRequest())).items == [a_key(2)]


async def test_a_key_is_revoked_once(api_keys):
    await api_keys.add(a_key())

    outcomes = await outcomes_of(api_keys.revoke(a_key().id, NOW) for _ in range(5))

    assert outcomes == {"done": 1, "KeyNotFound": 4}


async def test_a_key_that_nobody_made_cannot_be_revoked(api_keys):
    with pytest.raises(KeyNotFound):
        await api_keys.revoke(KeyId(an_id(404)), NOW)


# The key ring


@pytest.fixture(params=["fake", "postgres, asked", "postgres, listed"])
async def keys_and_ring(request, database, clock):
    if request.param == "fake":
        store = InMemoryStore()
        return store.api_keys, FakeKeyRing(store)
    ring = PostgresKeyRing(database, clock)
    if request.param == "postgres, listed":
        await ring.refresh()
    return PostgresApiKeys(database), ring


@pytest.fixture
def stored(keys_and_ring):
    return keys_and_ring[0]


@pytest.fixture
def ring(keys_and_ring):
    return keys_and_ring[1]


async def is_good(ring, key):
    try:
        return await ring.find(key.digest) == key
    except InvalidAccessToken:
        return False


async def become(ring, key, *, good, within):
    deadline = time.monotonic() + within
    while await is_good(ring, key) != good:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


async def test_a_new_key_is_found_within_a_second(stored, ring):
    await stored.add(a_key())

    await become(ring, a_key(), good=True, within=1)


async def test_a_revoked_key_is_worthless_within_a_second(stored, ring):
    await stored.add(a_key())
    await become(ring, a_key(), good=True, within=1)

    await stored.revoke(a_key().id, NOW)

    await become(ring, a_key(), good=False, within=1)


async def test_an_unknown_key_is_not_found(stored, ring):
    await stored.add(a_key(1))

    with pytest.raises(InvalidAccessToken):
        await ring.find(a_key(2).digest)


async def last_use_of(stored):
    [key] = (await stored.page_of(ListRequest())).items
    return key.last_used_at


async def test_when_a_key_was_used_is_known_to_the_minute(stored, ring, clock):
    await stored.add(a_key())
    assert await last_use_of(stored) is None
    clock.advance(hours=1, seconds=59)

    ring.note_use(a_key(), clock.now())

    if isinstance(ring, PostgresKeyRing):
        await ring.write_uses()
    assert await last_use_of(stored) == NOW + timedelta(hours=1)


@pytest.fixture
async def listed(database, clock):
    await PostgresApiKeys(database).add(a_key())
    ring = PostgresKeyRing(database, clock)
    await ring.refresh()
    return ring


async def test_a_fresh_list_is_asked_and_the_database_is_not(listed):
    listed.queries = None

    assert await listed.find(a_key().digest) == a_key()
    with pytest.raises(InvalidAccessToken):
        await listed.find(a_key(2).digest)


async def test_a_list_that_is_not_fresh_is_not_believed(listed, database, monkeypatch):
    await PostgresApiKeys(database).revoke(a_key().id, NOW)
    assert await listed.find(a_key().digest) == a_key()

    now = time.monotonic() + key_ring_module.FRESH_SECONDS
    monkeypatch.setattr(key_ring_module.time, "monotonic", lambda: now)

    with pytest.raises(InvalidAccessToken):
        await listed.find(a_key().digest)


async def test_an_expired_key_is_not_kept(listed, clock, database):
    await PostgresApiKeys(database).add(a_key(2, expires_at=NOW + timedelta(hours=1)))
    await listed.refresh()
    assert await is_good(listed, a_key(2, expires_at=NOW + timedelta(hours=1)))
    clock.advance(hours=1)

    await listed.refresh()

    with pytest.raises(InvalidAccessToken):
        await listed.find(a_key(2).digest)


async def test_a_thousand_uses_in_a_minute_are_written_once(listed, clock):
    written = []

    class WatchedQueries:
        async def execute(self, statement, **values):
            written.append(values)

    listed.queries = WatchedQueries()
    for _ in range(1000):
        clock.advance(milliseconds=50)
        listed.note_use(a_key(), clock.now())
        await listed.write_uses()

    assert written == [{"key_id": a_key().id, "used_at": NOW}]


async def test_a_use_that_cannot_be_written_now_is_written_the_next_time(listed, database):
    class Away:
        async def execute(self, statement, **values):
            raise DatabaseUnavailable

    listed.note_use(a_key(), NOW)
    listed.queries = Away()
    with pytest.raises(DatabaseUnavailable):
        await listed.write_uses()

    listed.queries = database
    await listed.write_uses()

    assert await last_use_of(PostgresApiKeys(database)) == NOW


async def test_of_two_processes_the_later_use_stays(listed, database, clock):
    other = PostgresKeyRing(database, clock)
    listed.note_use(a_key(), NOW + timedelta(minutes=5))
    other.note_use(a_key(), NOW + timedelta(minutes=3))

    await listed.write_uses()
    await other.write_uses()

    assert await last_use_of(PostgresApiKeys(database)) == NOW + timedelta(minutes=5)

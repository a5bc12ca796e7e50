"""Making, listing and revoking API keys, and calling with them."""

from datetime import timedelta

import pytest

from examples import an_id
from referral.application.access.create_key import PER_CALLER
from referral.domain.access.caller import OPERATOR, Caller, KeyId, Scope
from referral.domain.access.errors import (
    InvalidAccessToken,
    KeyNotFound,
    MissingScope,
    TooManyAttempts,
)
from referral.domain.errors import InvalidInput


def a_server(*scopes: Scope, number: int = 900) -> Caller:
    return Caller(key_id=KeyId(an_id(number)), scopes=frozenset(scopes))


@pytest.fixture
def make(create_key):
    async def make(name="shop", scopes=("events:write",), **more):
        return await create_key(name=name, scopes=scopes, **more)

    return make


async def test_a_key_tells_which_server_calls_and_what_it_may(make, authenticate):
    key, secret = await make(scopes=["events:write", "codes:read"])

    caller = await authenticate(secret)

    scopes = frozenset({Scope.EVENTS_WRITE, Scope.CODES_READ})
    assert caller == Caller(key_id=key.id, key_name=key.name, scopes=scopes)


async def test_a_key_is_shown_once(make, list_keys, clock):
    key, secret = await make("shop")

    [listed] = (await list_keys()).items

    assert listed == key
    assert (listed.name, listed.created_at) == ("shop", clock.now())
    assert secret not in repr(listed)
    assert secret.startswith("rk_")


async def test_no_two_keys_are_the_same(make):
    made = [await make() for _ in range(5)]

    assert len({secret for _, secret in made}) == len({key.id for key, _ in made}) == 5


async def test_a_key_expires_when_it_was_to(make, authenticate, clock):
    _, secret = await make(expires_at=clock.now() + timedelta(hours=1))
    clock.advance(hours=1, microseconds=-1)
    await authenticate(secret)

    clock.advance(microseconds=1)

    with pytest.raises(InvalidAccessToken):
        await authenticate(secret)


async def test_a_time_without_an_offset_is_utc(make):
    key, _ = await make(expires_at="2030-10-10 12:00")

    assert key.expires_at.isoformat() == "2030-10-10T12:00:00+00:00"


async def test_a_key_without_an_end_does_not_expire(make, authenticate, clock):
    key, secret = await make()
    clock.advance(days=36500)

    assert key.expires_at is None
    assert (await authenticate(secret)).key_id == key.id


async def test_all_that_is_wrong_with_a_new_key_is_told_at_once(make):
    with pytest.raises(InvalidInput) as refused:
        await make(name="", scopes=[], expires_at="2029-12-31T23:59:59Z")

    assert [(v.field, v.detail) for v in refused.value.violations] == [
        ("name", "A key's name has 1 to 100 printable characters, and no blanks at its ends."),
        ("scopes", "A key has at least one scope."),
        ("expires_at", "A key expires in the future."),
    ]


async def test_what_is_no_scope_is_refused(make):
    with pytest.raises(InvalidInput) as refused:
        await make(scopes=["events:write", "everything"])

    assert [v.field for v in refused.value.violations] == ["scopes"]


async def test_when_a_key_was_last_used_is_told_to_the_minute(make, authenticate, list_keys, clock):
    _, secret = await make()
    clock.advance(minutes=3, seconds=42)

    await authenticate(secret)

    [key] = (await list_keys()).items
    assert key.last_used_at == clock.now() - timedelta(seconds=42)


async def test_a_revoked_key_is_worthless_and_listed_no_more(
    make, revoke_key, authenticate, list_keys
):
    key, secret = await make()

    await revoke_key(key_id=key.id)

    with pytest.raises(InvalidAccessToken):
        await authenticate(secret)
    assert (await list_keys()).items == []
    with pytest.raises(KeyNotFound):
        await revoke_key(key_id=key.id)


async def test_keys_are_listed_newest_first_a_page_at_a_time(make, list_keys):
    made = [(await make(name=name))[0] for name in "abc"]

    first = await list_keys(limit=2)
    rest = await list_keys(limit=2, cursor=first.next_cursor)

    assert [*first.items, *rest.items] == made[::-1]
    assert rest.next_cursor is None


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 101}, {"cursor": 0}, {"cursor": 2**128}])
async def test_an_impossible_page_is_refused(list_keys, query):
    with pytest.raises(InvalidInput) as refused:
        await list_keys(**query)

    assert [v.field for v in refused.value.violations] == [*query]


async def test_a_server_makes_keys_with_the_scopes_it_has(make):
    server = a_server(Scope.KEYS_WRITE, Scope.EVENTS_WRITE)

    key, _ = await make(scopes=["events:read", "events:write", "keys:read"], caller=server)

    assert key.scopes == {Scope.EVENTS_READ, Scope.EVENTS_WRITE, Scope.KEYS_READ}


async def test_nobody_makes_a_key_that_may_more_than_they(make, list_keys):
    server = a_server(Scope.KEYS_WRITE, Scope.EVENTS_READ)

    for scope in ("events:write", "rewards:read"):
        with pytest.raises(MissingScope) as refused:
            await make(scopes=["events:read", scope], caller=server)
        assert refused.value.scope == scope
    assert (await list_keys()).items == []


async def test_each_call_needs_its_scope(make, list_keys, revoke_key):
    reader, other = a_server(Scope.KEYS_READ), a_server(Scope.EVENTS_WRITE)
    key, _ = await make()

    await list_keys(caller=reader)
    with pytest.raises(MissingScope, match="keys:read"):
        await list_keys(caller=other)
    for caller in (reader, other):
        with pytest.raises(MissingScope, match="keys:write"):
            await make(caller=caller)
        with pytest.raises(MissingScope, match="keys:write"):
            await revoke_key(key_id=key.id, caller=caller)
    assert (await list_keys()).items == [key]


async def test_nobody_makes_keys_without_end(make, clock):
    server = a_server(*Scope)
    for _ in range(PER_CALLER.hits):
        await make(caller=server)

    with pytest.raises(TooManyAttempts):
        await make(caller=server)

    await make(caller=a_server(*Scope, number=901))
    await make(caller=OPERATOR)
    clock.advance(hours=1)
    await make(caller=server)


async def test_what_is_done_about_keys_is_recorded_and_what_is_secret_is_not(
    make, revoke_key, audit_log
):
    server, weak = a_server(*Scope), a_server(Scope.KEYS_READ)
    key, secret = await make(caller=server)
    await revoke_key(key_id=key.id, caller=server)
    with pytest.raises(MissingScope):
        await make(caller=weak)

    by = {"key_id": server.key_id, "outcome": "done", "other_key_id": key.id}
    assert audit_log.deeds == [
        {"action": "create-key", **by},
        {"action": "revoke-key", **by},
        {"action": "create-key", "key_id": weak.key_id, "outcome": "missing-scope"},
    ]
    assert secret not in str(audit_log.deeds)

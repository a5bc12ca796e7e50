import asyncio
import time
from datetime import timedelta

import pytest

from examples import a_user
from fakes import FakeStanding, InMemoryStore
from referral.adapters.postgres.access.administrators import PostgresAdministrators
from referral.adapters.postgres.access.standing import PostgresStanding
from referral.adapters.postgres.accounts.users import PostgresUsers
from referral.application.access.ports import AccessClaims
from referral.domain.access.caller import Scope
from referral.domain.access.errors import InvalidAccessToken

TTL = timedelta(minutes=15)


@pytest.fixture(params=["fake", "postgres, asked", "postgres, listed"])
async def users_and_standing(request, database, clock):
    if request.param == "fake":
        store = InMemoryStore()
        return store.users, FakeStanding(store), store.administrators
    standing = PostgresStanding(database, clock, TTL)
    if request.param == "postgres, listed":
        await standing.refresh()
    return PostgresUsers(database), standing, PostgresAdministrators(database)


@pytest.fixture
def users(users_and_standing):
    return users_and_standing[0]


@pytest.fixture
def standing(users_and_standing):
    return users_and_standing[1]


@pytest.fixture
def administrators(users_and_standing):
    return users_and_standing[2]


def claims_of(user):
    return AccessClaims(user.id, user.credentials_version)


async def is_revoked(standing, claims):
    try:
        await standing.scopes_of(claims)
    except InvalidAccessToken:
        return True
    return False


async def become_revoked(standing, claims, *, within):
    deadline = time.monotonic() + within
    while not await is_revoked(standing, claims):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


async def test_as_long_as_the_credentials_stay_nothing_is_revoked(standing, ann):
    assert not await is_revoked(standing, claims_of(ann))


async def test_b15_within_a_second_of_a_new_password_what_was_issued_before_is_revoked(
    standing, users, ann, clock
):
    await users.change_credentials(ann.with_password("new hash"), clock.now())

    await become_revoked(standing, claims_of(ann), within=1)

    assert not await is_revoked(standing, claims_of(ann.with_password("new hash")))


async def test_b15_within_a_second_of_an_erasure_everything_is_revoked(standing, users, ann, clock):
    await users.erase(ann.erased(clock.now()))

    await become_revoked(standing, claims_of(ann), within=1)


async def test_a_list_read_anew_knows_at_once(database, clock):
    users, standing = PostgresUsers(database), PostgresStanding(database, clock, TTL)
    ann, bob = a_user("ann", number=1), a_user("bob", number=2)
    for user in (ann, bob):
        await users.add(user)
    await users.change_credentials(ann.with_password("new hash"), clock.now())

    await standing.refresh()

    assert await is_revoked(standing, claims_of(ann))
    assert not await is_revoked(standing, claims_of(ann.with_password("new hash")))
    assert not await is_revoked(standing, claims_of(bob))


async def test_a_token_of_credentials_newer_than_the_list_is_good_at_once(database, clock):
    users, standing = PostgresUsers(database), PostgresStanding(database, clock, TTL)
    ann = a_user("ann")
    await users.add(ann)
    first, second = ann.with_password("first"), ann.with_password("first").with_password("second")
    await users.change_credentials(first, clock.now())
    await standing.refresh()

    await users.change_credentials(second, clock.now())

    assert not await is_revoked(standing, claims_of(second))
    await standing.refresh()
    assert not await is_revoked(standing, claims_of(second))
    assert await is_revoked(standing, claims_of(first))


async def test_f24_a_list_reaches_back_past_every_token_that_a_skewed_clock_issued(database, clock):
    users, standing = PostgresUsers(database), PostgresStanding(database, clock, TTL)
    ann = a_user("ann")
    await users.add(ann)
    await users.change_credentials(ann.with_password("new hash"), clock.now())
    clock.advance(minutes=15 + 14)

    await standing.refresh()

    assert await is_revoked(standing, claims_of(ann))


# Administrators


async def become(standing, ann, scopes, *, within):
    deadline = time.monotonic() + within
    while await standing.scopes_of(claims_of(ann)) != scopes:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


async def test_who_has_no_role_may_do_nothing_for_others(standing, ann):
    assert await standing.scopes_of(claims_of(ann)) == frozenset()


async def test_within_a_second_of_the_grant_an_administrator_may_do_everything(
    standing, administrators, users, ann, clock
):
    bob = a_user("bob", number=2)
    await users.add(bob)

    await administrators.grant(ann.email, clock.now())

    await become(standing, ann, frozenset(Scope), within=1)
    assert await standing.scopes_of(claims_of(bob)) == frozenset()


async def test_within_a_second_of_its_end_the_role_is_worth_nothing(
    standing, administrators, ann, clock
):
    await administrators.grant(ann.email, clock.now())
    await become(standing, ann, frozenset(Scope), within=1)

    await administrators.revoke(ann.email)

    await become(standing, ann, frozenset(), within=1)


async def test_a_list_read_again_knows_the_administrators_at_once(database, clock):
    users, standing = PostgresUsers(database), PostgresStanding(database, clock, TTL)
    administrators = PostgresAdministrators(database)
    ann, bob = a_user("ann", number=1), a_user("bob", number=2)
    for user in (ann, bob):
        await users.add(user)
        await administrators.grant(user.email, clock.now())
    await administrators.revoke(bob.email)
    await users.change_credentials(ann.with_password("new hash"), clock.now())

    await standing.refresh()

    assert await is_revoked(standing, claims_of(ann))
    assert await standing.scopes_of(claims_of(ann.with_password("new hash"))) == frozenset(Scope)
    assert await standing.scopes_of(claims_of(bob)) == frozenset()


async def test_an_administrator_who_is_erased_has_no_role_left(
    administrators, standing, users, ann, clock
):
    await administrators.grant(ann.email, clock.now())

    await users.erase(ann.erased(clock.now()))

    assert await administrators.all() == []
    await become_revoked(standing, claims_of(ann), within=1)

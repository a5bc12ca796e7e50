import asyncio
import time
from datetime import timedelta

import pytest

from examples import a_user
from fakes import FakeRevocations, InMemoryStore
from referral.adapters.postgres.access.revocations import PostgresRevocations
from referral.adapters.postgres.accounts.users import PostgresUsers
from referral.application.access.ports import AccessClaims

TTL = timedelta(minutes=15)


@pytest.fixture(params=["fake", "postgres, asked", "postgres, listed"])
async def users_and_revocations(request, database, clock):
    if request.param == "fake":
        store = InMemoryStore()
        return store.users, FakeRevocations(store)
    revocations = PostgresRevocations(database, clock, TTL)
    if request.param == "postgres, listed":
        await revocations.refresh()
    return PostgresUsers(database), revocations


@pytest.fixture
async def ann(users):
    ann = a_user("ann")
    await users.add(ann)
    return ann


@pytest.fixture
def users(users_and_revocations):
    return users_and_revocations[0]


@pytest.fixture
def revocations(users_and_revocations):
    return users_and_revocations[1]


def claims_of(user):
    return AccessClaims(user.id, user.credentials_version)


async def become_revoked(revocations, claims, *, within):
    deadline = time.monotonic() + within
    while not await revocations.is_revoked(claims):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


async def test_as_long_as_the_credentials_stay_nothing_is_revoked(revocations, ann):
    assert not await revocations.is_revoked(claims_of(ann))


async def test_b15_within_a_second_of_a_new_password_what_was_issued_before_is_revoked(
    revocations, users, ann, clock
):
    await users.change_credentials(ann.with_password("new hash"), clock.now())

    await become_revoked(revocations, claims_of(ann), within=1)

    assert not await revocations.is_revoked(claims_of(ann.with_password("new hash")))


async def test_b15_within_a_second_of_an_erasure_everything_is_revoked(
    revocations, users, ann, clock
):
    await users.erase(ann.erased(clock.now()))

    await become_revoked(revocations, claims_of(ann), within=1)


async def test_a_list_read_anew_knows_at_once(database, clock):
    users, revocations = PostgresUsers(database), PostgresRevocations(database, clock, TTL)
    ann, bob = a_user("ann", number=1), a_user("bob", number=2)
    for user in (ann, bob):
        await users.add(user)
    await users.change_credentials(ann.with_password("new hash"), clock.now())

    await revocations.refresh()

    assert await revocations.is_revoked(claims_of(ann))
    assert not await revocations.is_revoked(claims_of(ann.with_password("new hash")))
    assert not await revocations.is_revoked(claims_of(bob))


async def test_a_token_of_credentials_newer_than_the_list_is_good_at_once(database, clock):
    users, revocations = PostgresUsers(database), PostgresRevocations(database, clock, TTL)
    ann = a_user("ann")
    await users.add(ann)
    first, second = ann.with_password("first"), ann.with_password("first").with_password("second")
    await users.change_credentials(first, clock.now())
    await revocations.refresh()

    await users.change_credentials(second, clock.now())

    assert not await revocations.is_revoked(claims_of(second))
    await revocations.refresh()
    assert not await revocations.is_revoked(claims_of(second))
    assert await revocations.is_revoked(claims_of(first))


async def test_f24_a_list_reaches_back_past_every_token_that_a_skewed_clock_issued(database, clock):
    users, revocations = PostgresUsers(database), PostgresRevocations(database, clock, TTL)
    ann = a_user("ann")
    await users.add(ann)
    await users.change_credentials(ann.with_password("new hash"), clock.now())
    clock.advance(minutes=15 + 14)

    await revocations.refresh()

    assert await revocations.is_revoked(claims_of(ann))

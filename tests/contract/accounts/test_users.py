import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from concurrency import has_to_wait, outcomes_of
from examples import NOW, a_new_code, a_referral, a_user, an_id
from referral.domain.accounts.errors import EmailTaken, UsernameTaken, UserNotFound
from referral.domain.accounts.user import EmailAddress, Username
from referral.domain.errors import DatabaseUnavailable


@pytest.fixture
async def ann(users):
    ann = a_user("Ann", email="Ann@example.org")
    await users.add(ann)
    return ann


async def test_a_stored_user_is_found_as_it_was(users, ann):
    assert await users.by_id(ann.id) == ann


async def test_one_that_was_never_stored_is_not_found(users):
    for find in (users.by_id, users.lock):
        with pytest.raises(UserNotFound):
            await find(an_id(404))


@pytest.mark.parametrize("name", ["Ann", "ann", "ANN", "ａｎｎ"])
async def test_a_name_is_stored_once_in_any_case(users, ann, name):
    again = replace(a_user("bob", number=2), username=Username(name))

    with pytest.raises(UsernameTaken):
        await users.add(again)
    with pytest.raises(UsernameTaken):
        await users.ensure_free(again.username, again.email)
    with pytest.raises(UserNotFound):
        await users.by_id(again.id)


@pytest.mark.parametrize("email", ["Ann@example.org", "ann@EXAMPLE.org"])
async def test_an_address_is_stored_once_in_any_case(users, ann, email):
    again = a_user("bob", number=2, email=email)

    with pytest.raises(EmailTaken):
        await users.add(again)
    with pytest.raises(EmailTaken):
        await users.ensure_free(again.username, again.email)
    with pytest.raises(UserNotFound):
        await users.by_id(again.id)


async def test_an_id_drawn_twice_can_be_tried_again(users, ann):
    with pytest.raises(DatabaseUnavailable):
        await users.add(a_user("bob", number=1))

    assert await users.by_id(ann.id) == ann


async def test_another_name_and_address_are_free(users, ann):
    bob = a_user("bob", number=2)

    await users.ensure_free(bob.username, bob.email)
    await users.add(bob)

    assert await users.by_id(bob.id) == bob


async def test_f18_of_twenty_who_register_one_address_at_once_one_succeeds(users):
    twenty = [
        a_user(f"user{n}", number=n, email=("ann@example.org", "ANN@Example.Org")[n % 2])
        for n in range(20)
    ]

    outcomes = await outcomes_of(users.add(user) for user in twenty)

    assert outcomes == {"done": 1, "EmailTaken": 19}


async def test_f18_of_twenty_who_register_one_name_at_once_one_succeeds(users):
    twenty = [
        replace(a_user(f"user{n}", number=n), username=Username(("ann", "ANN")[n % 2]))
        for n in range(20)
    ]

    outcomes = await outcomes_of(users.add(user) for user in twenty)

    assert outcomes == {"done": 1, "UsernameTaken": 19}


async def test_a_referrer_is_who_the_referral_says(users, codes, referrals, ann):
    code = await codes.add(a_new_code(ann))
    bob = a_user("bob", number=2)
    await users.add(bob)
    await referrals.add(a_referral(bob.id, code))

    for found in (await users.by_id(bob.id), await users.lock(bob.id)):
        assert found.referrer_id == ann.id
    assert (await users.by_login("bob")).referrer_id == ann.id
    assert (await users.by_id(ann.id)).referrer_id is None


@pytest.mark.parametrize("login_key", ["ann", "ann@example.org"])
async def test_a_log_in_is_by_name_or_address(users, ann, login_key):
    await users.add(a_user("bob", number=2))

    assert await users.by_login(login_key) == ann


@pytest.mark.parametrize("login_key", ["", "nobody", "an", "ann%", "ann\0", "' OR 1=1 --"])
async def test_nobody_logs_in_by_another_text(users, ann, login_key):
    assert await users.by_login(login_key) is None


async def test_an_address_is_nobodys_name(users):
    mallory = replace(a_user("mallory"), username=Username("ann@example.org"))
    await users.add(mallory)
    assert await users.by_login("ann@example.org") is None

    await users.add(ann := a_user("ann", number=2))

    assert await users.by_login("ann@example.org") == ann


async def test_a_stronger_hash_replaces_the_one_it_was_made_for(users, ann):
    assert await users.set_password(ann, "stronger", instead_of=ann.password_hash)

    assert await users.by_id(ann.id) == replace(ann, password_hash="stronger")


async def test_a_stronger_hash_does_not_replace_another(users, ann):
    assert not await users.set_password(ann, "stronger", instead_of="hash of yesterday")

    assert await users.by_id(ann.id) == ann


async def test_new_credentials_are_stored_with_their_version(users, ann):
    changed = ann.with_password("new hash")

    await users.change_credentials(changed, NOW)

    assert await users.by_id(ann.id) == changed


async def test_an_erased_user_is_found_by_nothing(users, ann):
    await users.erase(ann.erased(NOW))

    for find in (users.by_id, users.lock):
        with pytest.raises(UserNotFound):
            await find(ann.id)
    for login_key in ("ann", "ann@example.org"):
        assert await users.by_login(login_key) is None
    assert not await users.set_password(ann, "stronger", instead_of=ann.password_hash)


async def test_nothing_brings_an_erased_user_back(users, ann):
    await users.erase(ann.erased(NOW))

    await users.erase(ann.erased(NOW + timedelta(days=1)))
    await users.change_credentials(ann.with_password("new hash"), NOW)

    with pytest.raises(UserNotFound):
        await users.by_id(ann.id)


async def test_an_erased_users_name_and_address_are_free(users, ann):
    await users.erase(ann.erased(NOW))
    again = replace(a_user("ann", number=2), email=EmailAddress("ann@example.org"))

    await users.ensure_free(again.username, again.email)
    await users.add(again)

    assert await users.by_login("ann") == again


async def test_a_locked_user_is_locked_for_everyone_else(store, users, ann):
    async def change():
        async with store.begin() as tx:
            return (await tx.users.lock(ann.id)).password_hash

    async with store.begin() as tx:
        await tx.users.lock(ann.id)
        other = asyncio.create_task(change())
        waited = await has_to_wait(other)
        await tx.users.change_credentials(ann.with_password("new hash"), NOW)

    assert waited
    assert await other == "new hash"


async def test_a_lock_keeps_nobody_from_reading(store, users, ann):
    async with store.begin() as tx:
        await tx.users.lock(ann.id)

        assert await users.by_id(ann.id) == ann

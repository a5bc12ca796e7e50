from datetime import timedelta

import pytest

from concurrency import outcomes_of
from examples import NOW
from referral.domain.access.errors import NotAnAdministrator
from referral.domain.accounts.errors import UserNotFound
from referral.domain.accounts.user import EmailAddress


async def granted(administrators):
    return [(held.user.id, held.granted_at) for held in await administrators.all()]


async def test_an_administrator_is_listed_with_name_and_address(administrators, ann, bob):
    assert await administrators.grant(ann.email, NOW) == ann.id

    [held] = await administrators.all()
    assert (held.user, held.granted_at) == (ann.public, NOW)


async def test_case_makes_no_difference_to_an_address(administrators, ann):
    assert await administrators.grant(EmailAddress("ANN@example.org"), NOW) == ann.id
    assert await administrators.revoke(EmailAddress("ANN@example.org")) == ann.id


async def test_those_are_listed_first_who_have_been_it_longest(administrators, ann, bob):
    await administrators.grant(ann.email, NOW + timedelta(days=1))
    await administrators.grant(bob.email, NOW)

    assert [user_id for user_id, _ in await granted(administrators)] == [bob.id, ann.id]


async def test_who_is_an_administrator_already_stays_one_since_then(administrators, ann):
    await administrators.grant(ann.email, NOW)

    assert await administrators.grant(ann.email, NOW + timedelta(days=1)) == ann.id

    assert await granted(administrators) == [(ann.id, NOW)]


async def test_of_ten_grants_at_once_each_is_done(administrators, ann):
    outcomes = await outcomes_of(administrators.grant(ann.email, NOW) for _ in range(10))

    assert outcomes == {"done": 10}
    assert await granted(administrators) == [(ann.id, NOW)]


async def test_nobody_with_this_address_can_be_made_one(administrators, ann):
    with pytest.raises(UserNotFound):
        await administrators.grant(EmailAddress("nobody@example.org"), NOW)


async def test_the_role_is_taken_from_who_is_named(administrators, ann, bob):
    for user in (ann, bob):
        await administrators.grant(user.email, NOW)

    assert await administrators.revoke(ann.email) == ann.id

    assert await granted(administrators) == [(bob.id, NOW)]


async def test_from_who_has_no_role_none_is_taken(administrators, ann, bob):
    await administrators.grant(bob.email, NOW)

    for email in (ann.email, EmailAddress("nobody@example.org")):
        with pytest.raises(NotAnAdministrator):
            await administrators.revoke(email)


async def test_an_erased_administrator_is_none_and_becomes_none(administrators, users, ann):
    await administrators.grant(ann.email, NOW)

    await users.erase(ann.erased(NOW))

    assert await administrators.all() == []
    with pytest.raises(UserNotFound):
        await administrators.grant(ann.email, NOW)

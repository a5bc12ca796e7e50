import pytest

from examples import PASSWORD
from referral.domain.access.caller import Scope
from referral.domain.access.errors import NotAnAdministrator
from referral.domain.accounts.errors import UserNotFound
from referral.domain.errors import InvalidInput


@pytest.fixture
def caller_called(log_in, authenticate):
    async def caller_called(name):
        pair = await log_in(username=name, password=PASSWORD)
        return await authenticate(pair.access_token)

    return caller_called


async def test_an_administrator_is_a_person_who_may_do_everything(
    grant_admin, caller_called, owner
):
    await grant_admin(email="owner@example.org")

    caller = await caller_called("owner")

    assert caller.person_id == owner.id
    assert caller.scopes == frozenset(Scope)


async def test_nobody_else_may(grant_admin, sign_up, caller_called, owner):
    await sign_up("other")

    await grant_admin(email="owner@example.org")

    assert (await caller_called("other")).scopes == frozenset()


async def test_whose_role_is_taken_is_a_person_like_any_other(
    grant_admin, revoke_admin, caller_called, owner
):
    await grant_admin(email="owner@example.org")

    await revoke_admin(email="owner@example.org")

    assert (await caller_called("owner")).scopes == frozenset()
    with pytest.raises(NotAnAdministrator):
        await revoke_admin(email="owner@example.org")


async def test_administrators_are_listed(grant_admin, list_admins, owner, clock):
    await grant_admin(email="owner@example.org")

    [held] = await list_admins()

    assert (held.user, held.granted_at) == (owner.public, clock.now())


async def test_an_erased_administrator_is_none(grant_admin, list_admins, erase_user, owner):
    await grant_admin(email="owner@example.org")

    await erase_user(user_id=owner.id, password=PASSWORD)

    assert await list_admins() == []


async def test_an_address_of_nobodys_and_no_address_are_told_apart(grant_admin, revoke_admin):
    with pytest.raises(UserNotFound):
        await grant_admin(email="nobody@example.org")
    for use in (grant_admin, revoke_admin):
        with pytest.raises(InvalidInput):
            await use(email="no address")


async def test_who_was_made_an_administrator_is_recorded(
    grant_admin, revoke_admin, owner, audit_log
):
    audit_log.deeds.clear()

    await grant_admin(email="owner@example.org")
    await revoke_admin(email="owner@example.org")

    about = {"outcome": "done", "other_user_id": owner.id}
    assert audit_log.deeds == [
        {"action": "grant-admin", **about},
        {"action": "revoke-admin", **about},
    ]

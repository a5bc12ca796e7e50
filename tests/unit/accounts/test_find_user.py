import pytest

from examples import an_id
from referral.domain.access.caller import Caller, KeyId, Scope
from referral.domain.access.errors import MissingScope
from referral.domain.accounts.errors import UserNotFound


async def test_someone_is_found_by_name_address_or_id(find_user, owner):
    for who in ("owner", "OWNER", "owner@example.org", str(owner.id), owner.id.hex):
        assert await find_user(who=who) == owner


@pytest.mark.parametrize(
    "who", ["", "nobody", "nobody@example.org", "a@b", "no name!", str(an_id(404))]
)
async def test_nobody_is_found_by_what_is_nobodys(find_user, owner, who):
    with pytest.raises(UserNotFound):
        await find_user(who=who)


async def test_a_name_that_looks_like_an_id_is_taken_for_one(find_user, sign_up, owner):
    await sign_up(owner.id.hex)

    assert await find_user(who=owner.id.hex) == owner


async def test_it_needs_the_scope_to_read_participants(find_user, owner):
    key = KeyId(an_id(7))
    reader = Caller(key_id=key, scopes=frozenset({Scope.PARTICIPANTS_READ}))

    assert await find_user(who="owner", caller=reader) == owner
    with pytest.raises(MissingScope, match="participants:read"):
        await find_user(who="owner", caller=Caller(key_id=key))

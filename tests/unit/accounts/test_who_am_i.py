import pytest

from examples import an_id
from referral.domain.accounts.errors import UserNotFound


async def test_who_asks_gets_their_own_account(who_am_i, sign_up):
    ann = await sign_up("ann")

    assert await who_am_i(user_id=ann.id) == ann


async def test_who_does_not_exist_has_no_account(who_am_i):
    with pytest.raises(UserNotFound):
        await who_am_i(user_id=an_id(404))

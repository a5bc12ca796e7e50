import pytest

from examples import PASSWORD, an_id
from referral.application.access.ports import AccessClaims
from referral.domain.access.caller import Caller
from referral.domain.access.errors import InvalidAccessToken


@pytest.fixture
async def pair(sign_up, log_in):
    await sign_up("ann")
    return await log_in(username="ann", password=PASSWORD)


async def test_an_access_token_tells_who_calls(authenticate, log_in, sign_up):
    bob = await sign_up("bob")
    pair = await log_in(username="bob", password=PASSWORD)

    assert await authenticate(pair.access_token) == Caller(user_id=bob.id)


async def test_it_does_so_until_it_expires(authenticate, pair, clock):
    clock.advance(minutes=15, microseconds=-1)
    await authenticate(pair.access_token)

    clock.advance(microseconds=1)

    with pytest.raises(InvalidAccessToken):
        await authenticate(pair.access_token)


async def test_any_other_text_tells_nothing(authenticate, pair):
    for token in ("", "nonsense", pair.refresh_token):
        with pytest.raises(InvalidAccessToken):
            await authenticate(token)


async def test_b14_a_token_of_nobody_tells_nothing(authenticate, access_tokens, clock):
    token = access_tokens.issue(AccessClaims(an_id(404), 1), clock.now())

    with pytest.raises(InvalidAccessToken):
        await authenticate(token)


async def test_b15_a_token_from_before_the_password_changed_is_worthless(
    authenticate, change_password, pair, clock
):
    user_id = (await authenticate(pair.access_token)).person_id
    clock.advance(minutes=1)

    await change_password(user_id=user_id, password=PASSWORD, new_password="another password")

    with pytest.raises(InvalidAccessToken):
        await authenticate(pair.access_token)


async def test_b15_a_token_of_an_erased_user_is_worthless(authenticate, erase_user, pair):
    user_id = (await authenticate(pair.access_token)).person_id

    await erase_user(user_id=user_id, password=PASSWORD)

    with pytest.raises(InvalidAccessToken):
        await authenticate(pair.access_token)

import pytest

from examples import PASSWORD
from referral.domain.access.errors import InvalidRefreshToken


@pytest.fixture
async def pair(sign_up, log_in):
    await sign_up("ann")
    return await log_in(username="ann", password=PASSWORD)


async def test_a_revoked_token_is_worthless(revoke_tokens, refresh_token_pair, pair):
    await revoke_tokens(refresh_token=pair.refresh_token)

    with pytest.raises(InvalidRefreshToken):
        await refresh_token_pair(refresh_token=pair.refresh_token)


async def test_a_spent_token_revokes_its_descendants(revoke_tokens, refresh_token_pair, pair):
    renewed = await refresh_token_pair(refresh_token=pair.refresh_token)

    await revoke_tokens(refresh_token=pair.refresh_token)

    with pytest.raises(InvalidRefreshToken):
        await refresh_token_pair(refresh_token=renewed.refresh_token)


async def test_another_log_in_stays(revoke_tokens, refresh_token_pair, log_in, pair):
    elsewhere = await log_in(username="ann", password=PASSWORD)

    await revoke_tokens(refresh_token=pair.refresh_token)

    assert await refresh_token_pair(refresh_token=elsewhere.refresh_token)


async def test_an_unknown_token_is_no_error(revoke_tokens, refresh_token_pair, pair):
    await revoke_tokens(refresh_token="nonsense")

    assert await refresh_token_pair(refresh_token=pair.refresh_token)

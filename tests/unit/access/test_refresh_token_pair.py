import pytest

from examples import PASSWORD
from referral.domain.access.errors import InvalidAccessToken, InvalidRefreshToken, TooManyAttempts


@pytest.fixture
async def ann(sign_up):
    return await sign_up("ann")


@pytest.fixture
async def pair(ann, log_in):
    return await log_in(username="ann", password=PASSWORD)


async def test_a_refresh_token_is_exchanged_for_a_new_pair(
    refresh_token_pair, authenticate, ann, pair
):
    renewed = await refresh_token_pair(refresh_token=pair.refresh_token)

    assert (await authenticate(renewed.access_token)).user_id == ann.id
    assert renewed.refresh_token != pair.refresh_token
    assert renewed.expires_in == 15 * 60


async def test_the_next_pair_comes_from_the_new_token(refresh_token_pair, pair):
    for _ in range(3):
        pair = await refresh_token_pair(refresh_token=pair.refresh_token)


async def test_an_unknown_token_is_refused(refresh_token_pair, pair):
    for token in ("", "nonsense", pair.access_token):
        with pytest.raises(InvalidRefreshToken):
            await refresh_token_pair(refresh_token=token)


async def test_a_token_is_good_for_30_days_from_its_issue(refresh_token_pair, pair, clock):
    clock.advance(days=30, microseconds=-1)
    pair = await refresh_token_pair(refresh_token=pair.refresh_token)

    clock.advance(days=30)

    with pytest.raises(InvalidRefreshToken):
        await refresh_token_pair(refresh_token=pair.refresh_token)


async def test_a_spent_token_that_comes_back_revokes_its_family(refresh_token_pair, pair):
    renewed = await refresh_token_pair(refresh_token=pair.refresh_token)

    with pytest.raises(InvalidRefreshToken):
        await refresh_token_pair(refresh_token=pair.refresh_token)

    with pytest.raises(InvalidRefreshToken):
        await refresh_token_pair(refresh_token=renewed.refresh_token)


async def test_another_log_in_of_the_same_user_is_another_family(refresh_token_pair, log_in, pair):
    elsewhere = await log_in(username="ann", password=PASSWORD)
    await refresh_token_pair(refresh_token=pair.refresh_token)
    with pytest.raises(InvalidRefreshToken):
        await refresh_token_pair(refresh_token=pair.refresh_token)

    assert await refresh_token_pair(refresh_token=elsewhere.refresh_token)


async def test_an_expired_token_is_refused_and_not_spent(refresh_token_pair, store, pair, clock):
    clock.advance(days=30)
    before = store.read()

    with pytest.raises(InvalidRefreshToken):
        await refresh_token_pair(refresh_token=pair.refresh_token)

    assert store.read() is before


async def test_a_token_is_worthless_once_the_password_changed(
    refresh_token_pair, store, ann, pair, clock
):
    # Without the revocation that goes with it: a token issued at the same moment escapes that one.
    await store.users.change_credentials(ann.with_password("another hash"), clock.now())

    with pytest.raises(InvalidRefreshToken):
        await refresh_token_pair(refresh_token=pair.refresh_token)


async def test_a_token_is_worthless_once_its_holder_is_erased(
    *, refresh_token_pair, authenticate, store, ann, pair, clock
):
    await store.users.erase(ann.erased(clock.now()))

    with pytest.raises(InvalidRefreshToken):
        await refresh_token_pair(refresh_token=pair.refresh_token)
    with pytest.raises(InvalidAccessToken):
        await authenticate(pair.access_token)


async def refreshed(refresh_token_pair, pair, times):
    for _ in range(times):
        pair = await refresh_token_pair(refresh_token=pair.refresh_token)
    return pair


async def test_e11_tokens_of_one_log_in_are_exchanged_60_times_a_minute_at_most(
    refresh_token_pair, pair, log_in, clock
):
    pair = await refreshed(refresh_token_pair, pair, times=60)

    with pytest.raises(TooManyAttempts) as refused:
        await refresh_token_pair(refresh_token=pair.refresh_token)

    assert refused.value.retry_after == 60
    other = await log_in(username="ann", password=PASSWORD)
    assert await refresh_token_pair(refresh_token=other.refresh_token)
    clock.advance(minutes=1)
    assert await refresh_token_pair(refresh_token=pair.refresh_token)


async def test_a_thief_who_refreshes_without_a_pause_does_not_keep_a_spent_token_from_ending_it(
    refresh_token_pair, pair
):
    latest = await refreshed(refresh_token_pair, pair, times=60)

    with pytest.raises(InvalidRefreshToken):
        await refresh_token_pair(refresh_token=pair.refresh_token)

    with pytest.raises(InvalidRefreshToken):
        await refresh_token_pair(refresh_token=latest.refresh_token)

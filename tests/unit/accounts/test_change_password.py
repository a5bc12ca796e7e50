from dataclasses import replace

import pytest

from examples import PASSWORD, an_id
from referral.domain.access.errors import InvalidRefreshToken, TooManyAttempts, WrongCredentials
from referral.domain.access.refresh_token import digest_of
from referral.domain.accounts.errors import HashingBusy, UserNotFound, WrongPassword
from referral.domain.errors import InvalidInput

NEW = "another password"


@pytest.fixture
async def ann(sign_up):
    return await sign_up("ann")


async def test_from_now_on_the_new_password_is_the_right_one(change_password, log_in, ann):
    await change_password(user_id=ann.id, password=PASSWORD, new_password=NEW)

    await log_in(username="ann", password=NEW)
    with pytest.raises(WrongCredentials):
        await log_in(username="ann", password=PASSWORD)


async def test_every_refresh_token_issued_before_is_forgotten(change_password, log_in, store, ann):
    pairs = [await log_in(username="ann", password=PASSWORD) for _ in range(2)]

    await change_password(user_id=ann.id, password=PASSWORD, new_password=NEW)

    for pair in pairs:
        with pytest.raises(InvalidRefreshToken):
            await store.refresh_tokens.lock(digest_of(pair.refresh_token))


async def test_tokens_issued_after_it_are_good(
    change_password, log_in, refresh_token_pair, authenticate, ann
):
    await change_password(user_id=ann.id, password=PASSWORD, new_password=NEW)

    pair = await log_in(username="ann", password=NEW)

    assert (await authenticate(pair.access_token)).user_id == ann.id
    assert await refresh_token_pair(refresh_token=pair.refresh_token)


async def test_the_current_password_is_needed(change_password, store, ann):
    before = store.read()

    with pytest.raises(WrongPassword):
        await change_password(user_id=ann.id, password="wrong", new_password=NEW)

    assert store.read() is before


@pytest.mark.parametrize("new_password", ["short", "password123", "ann.example", "ann@example.org"])
async def test_the_new_password_keeps_the_rules_before_the_current_one_is_checked(
    change_password, register_user, password_hasher, new_password
):
    ann = await register_user(username="ann.example", email="ann@example.org", password=PASSWORD)

    with pytest.raises(InvalidInput) as refused:
        await change_password(user_id=ann.id, password=PASSWORD, new_password=new_password)

    assert [v.field for v in refused.value.violations] == ["new_password"]
    assert password_hasher.checks == 0


async def test_of_two_changes_at_once_one_is_refused(change_password, password_hasher, log_in, ann):
    async def the_other():
        await change_password(user_id=ann.id, password=PASSWORD, new_password="the other one")

    password_hasher.meanwhile = the_other
    with pytest.raises(WrongPassword):
        await change_password(user_id=ann.id, password=PASSWORD, new_password=NEW)

    assert await log_in(username="ann", password="the other one")


async def test_guessing_the_current_password_is_slowed_down(change_password, ann):
    for _ in range(5):
        with pytest.raises(WrongPassword):
            await change_password(
                user_id=ann.id, password="guess", new_password=NEW, client_address="192.0.2.1"
            )

    with pytest.raises(TooManyAttempts):
        await change_password(
            user_id=ann.id, password=PASSWORD, new_password=NEW, client_address="192.0.2.1"
        )


async def test_guessing_at_one_account_does_not_slow_down_another(change_password, sign_up, ann):
    for _ in range(5):
        with pytest.raises(WrongPassword):
            await change_password(
                user_id=ann.id, password="guess", new_password=NEW, client_address="192.0.2.1"
            )
    bob = await sign_up("bob")

    await change_password(
        user_id=bob.id, password=PASSWORD, new_password=NEW, client_address="192.0.2.1"
    )


async def test_nothing_changes_while_the_queue_for_hashing_is_full(
    change_password, password_hasher, store, ann
):
    before = store.read()
    password_hasher.busy = True

    with pytest.raises(HashingBusy):
        await change_password(user_id=ann.id, password=PASSWORD, new_password=NEW)

    assert store.read() is before


async def test_e05_no_guess_is_counted_while_the_queue_for_hashing_is_full(
    change_password, password_hasher, ann
):
    password_hasher.busy = True
    uncounted = replace(change_password.confirm_password, guess_limits=None)

    with pytest.raises(HashingBusy):
        await uncounted(ann, PASSWORD, None)


async def test_who_does_not_exist_has_no_password(change_password):
    with pytest.raises(UserNotFound):
        await change_password(user_id=an_id(404), password=PASSWORD, new_password=NEW)

import pytest

from examples import PASSWORD, an_id, in_a_week
from referral.domain.access.errors import InvalidRefreshToken, TooManyAttempts
from referral.domain.access.refresh_token import digest_of
from referral.domain.accounts.errors import UserNotFound, WrongPassword
from referral.domain.programs.errors import CodeNotFound, CodeTaken


async def test_an_erased_user_is_gone(erase_user, who_am_i, owner):
    await erase_user(user_id=owner.id, password=PASSWORD)

    with pytest.raises(UserNotFound):
        await who_am_i(user_id=owner.id)


async def test_the_password_is_needed(erase_user, who_am_i, owner):
    with pytest.raises(WrongPassword):
        await erase_user(user_id=owner.id, password="wrong")

    assert await who_am_i(user_id=owner.id) == owner


async def test_guessing_it_is_slowed_down(erase_user, owner):
    for _ in range(5):
        with pytest.raises(WrongPassword):
            await erase_user(user_id=owner.id, password="guess", client_address="192.0.2.1")

    with pytest.raises(TooManyAttempts):
        await erase_user(user_id=owner.id, password=PASSWORD, client_address="192.0.2.1")


async def test_the_persons_refresh_tokens_are_forgotten(erase_user, log_in, store, owner):
    pair = await log_in(username="owner", password=PASSWORD)

    await erase_user(user_id=owner.id, password=PASSWORD)

    with pytest.raises(InvalidRefreshToken):
        await store.refresh_tokens.lock(digest_of(pair.refresh_token))


async def test_the_persons_codes_are_retired(
    *, erase_user, issue_code, code_status, find_code, owner, clock
):
    code = await issue_code(owner_id=owner.id, expires_at=in_a_week(clock))

    await erase_user(user_id=owner.id, password=PASSWORD)

    with pytest.raises(CodeNotFound):
        await code_status(code=code.text.value)
    with pytest.raises(CodeNotFound):
        await find_code(email="owner@example.org")


async def test_the_text_of_an_erased_persons_code_becomes_nobody_elses(
    erase_user, issue_code, sign_up, owner, clock
):
    await issue_code(owner_id=owner.id, code="SPRING-2030", expires_at=in_a_week(clock))
    await erase_user(user_id=owner.id, password=PASSWORD)
    bob = await sign_up("bob")

    with pytest.raises(CodeTaken):
        await issue_code(owner_id=bob.id, code="spring-2030", expires_at=in_a_week(clock))


async def test_an_erased_referee_stays_in_the_counts_without_a_name(
    *, erase_user, issue_code, sign_up, list_referrals, owner, clock
):
    code = await issue_code(owner_id=owner.id, expires_at=in_a_week(clock))
    bob = await sign_up("bob", code=code.text.value)

    await erase_user(user_id=bob.id, password=PASSWORD)

    page = await list_referrals(referrer_id=owner.id)
    assert page.total == 1
    [referee] = page.items
    assert (referee.id, referee.username, referee.email) == (bob.id, None, None)


async def test_the_referees_of_an_erased_user_keep_their_accounts(
    *, erase_user, issue_code, sign_up, who_am_i, owner, clock
):
    code = await issue_code(owner_id=owner.id, expires_at=in_a_week(clock))
    bob = await sign_up("bob", code=code.text.value)

    await erase_user(user_id=owner.id, password=PASSWORD)

    assert await who_am_i(user_id=bob.id) == bob


async def test_a_password_that_was_changed_meanwhile_is_wrong(
    erase_user, change_password, password_hasher, who_am_i, owner
):
    async def change():
        await change_password(user_id=owner.id, password=PASSWORD, new_password="another password")

    password_hasher.meanwhile = change
    with pytest.raises(WrongPassword):
        await erase_user(user_id=owner.id, password=PASSWORD)

    assert await who_am_i(user_id=owner.id)


async def test_who_does_not_exist_cannot_be_erased(erase_user):
    with pytest.raises(UserNotFound):
        await erase_user(user_id=an_id(404), password=PASSWORD)


async def test_no_token_of_an_erased_user_is_kept(erase_user, log_in, sign_up, store):
    ann = await sign_up("ann")
    await log_in(username="ann", password=PASSWORD)

    await erase_user(user_id=ann.id, password=PASSWORD)

    assert not store.read().refresh_tokens

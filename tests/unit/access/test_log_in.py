from dataclasses import replace

import pytest

from examples import PASSWORD, a_user
from referral.adapters.email_addresses import ValidatedEmailAddresses
from referral.domain.access.errors import TooManyAttempts, WrongCredentials
from referral.domain.accounts.errors import HashingBusy
from referral.domain.accounts.user import Username


@pytest.mark.parametrize("username", ["ann", "ANN", "ann@example.org", "Ann@Example.ORG", "ａｎｎ"])
async def test_one_logs_in_by_name_or_address_in_any_case(log_in, authenticate, sign_up, username):
    ann = await sign_up("ann")

    pair = await log_in(username=username, password=PASSWORD)

    assert (await authenticate(pair.access_token)).user_id == ann.id
    assert pair.expires_in == 15 * 60


async def test_a_refresh_token_comes_with_it(log_in, refresh_token_pair, authenticate, sign_up):
    ann = await sign_up("ann")

    pair = await log_in(username="ann", password=PASSWORD)

    renewed = await refresh_token_pair(refresh_token=pair.refresh_token)
    assert (await authenticate(renewed.access_token)).user_id == ann.id


@pytest.mark.parametrize(
    ("username", "password"),
    [
        ("ann", "wrong password"),
        ("ann", ""),
        ("ann", PASSWORD.upper()),
        ("ann", PASSWORD + "x" * 72),
        ("nobody", PASSWORD),
        ("", ""),
        ("ann\0", PASSWORD),
        ("ann@example.org", "wrong password"),
        ("nobody@example.org", PASSWORD),
        ("no body@", PASSWORD),
        ("x" * 300, PASSWORD),
    ],
)
async def test_a09_a_wrong_password_and_an_unknown_user_are_one_answer_after_the_same_work(
    log_in, sign_up, password_hasher, username, password
):
    await sign_up("ann")

    with pytest.raises(WrongCredentials):
        await log_in(username=username, password=password)

    assert password_hasher.checks == 1


async def test_a08_the_password_is_right_however_its_accents_are_typed(log_in, register_user):
    await register_user(username="ann", email="a@example.org", password="cafe\u0301 au lait")

    assert await log_in(username="ann", password="caf\u00e9 au lait")


async def test_a18_a_name_that_is_anothers_address_logs_nobody_in(log_in, store, password_hasher):
    password_hash = await password_hasher.hash(PASSWORD)
    mallory = replace(a_user("mallory"), username=Username("ann@example.org"))
    await store.users.add(replace(mallory, password_hash=password_hash))

    with pytest.raises(WrongCredentials):
        await log_in(username="ann@example.org", password=PASSWORD)

    assert await log_in(username="mallory@example.org", password=PASSWORD)


async def test_one_logs_in_by_the_ascii_form_of_an_international_address(log_in, register_user):
    emails = ValidatedEmailAddresses()
    rules = replace(register_user.rules, email_addresses=emails)
    register_user = replace(register_user, rules=rules)
    log_in = replace(log_in, email_addresses=emails)
    await register_user(username="ann", email="ann@Bücher.example", password=PASSWORD)

    for username in ("ann@bücher.example", "ANN@xn--bcher-kva.example"):
        assert await log_in(username=username, password=PASSWORD)


async def test_an_erased_user_cannot_log_in(log_in, sign_up, erase_user):
    ann = await sign_up("ann")
    await erase_user(user_id=ann.id, password=PASSWORD)

    with pytest.raises(WrongCredentials):
        await log_in(username="ann", password=PASSWORD)


async def test_a22_a_hash_weaker_than_today_is_replaced_at_the_next_log_in(
    log_in, authenticate, sign_up, password_hasher, who_am_i
):
    ann = await sign_up("ann")
    password_hasher.strength += 1

    pair = await log_in(username="ann", password=PASSWORD)

    stronger = (await who_am_i(user_id=ann.id)).password_hash
    assert not password_hasher.is_outdated(stronger)
    assert await password_hasher.verify(PASSWORD, stronger)
    assert (await authenticate(pair.access_token)).user_id == ann.id


async def test_a_password_changed_while_it_was_checked_is_wrong_and_is_not_set_back(
    *, log_in, sign_up, password_hasher, store, clock
):
    ann = await sign_up("ann")
    password_hasher.strength += 1
    new_hash = await password_hasher.hash("a new password")

    async def change():
        await store.users.change_credentials(ann.with_password(new_hash), clock.now())

    password_hasher.meanwhile = change
    with pytest.raises(WrongCredentials):
        await log_in(username="ann", password=PASSWORD)

    assert (await store.users.by_id(ann.id)).password_hash == new_hash
    assert not store.read().refresh_tokens


async def test_an_account_erased_while_its_password_is_checked_cannot_be_logged_in_to(
    *, log_in, sign_up, password_hasher, store, clock
):
    ann = await sign_up("ann")

    async def erase():
        await store.users.erase(ann.erased(clock.now()))

    password_hasher.meanwhile = erase
    with pytest.raises(WrongCredentials):
        await log_in(username="ann", password=PASSWORD)

    assert not store.read().refresh_tokens


async def test_nothing_is_said_while_the_queue_for_hashing_is_full(
    log_in, sign_up, password_hasher
):
    await sign_up("ann")
    password_hasher.busy = True

    with pytest.raises(HashingBusy):
        await log_in(username="ann", password=PASSWORD)


async def test_e05_the_database_is_asked_nothing_while_the_queue_for_hashing_is_full(
    log_in, password_hasher
):
    password_hasher.busy = True
    without_database = replace(log_in, users=None, refresh_tokens=None, guess_limits=None)

    with pytest.raises(HashingBusy):
        await without_database(username="ann", password=PASSWORD)


@pytest.mark.parametrize("username", ["ann", "nobody"])
async def test_a11_the_sixth_failure_at_one_account_from_one_address_is_slowed_down(
    log_in, sign_up, clock, username
):
    await sign_up("ann")
    for _ in range(5):
        with pytest.raises(WrongCredentials):
            await log_in(username=username, password="a guess", client_address="192.0.2.1")

    with pytest.raises(TooManyAttempts) as refused:
        await log_in(username=username, password=PASSWORD, client_address="192.0.2.1")

    assert refused.value.retry_after == 5 * 60
    clock.advance(minutes=5)
    with pytest.raises(WrongCredentials):
        await log_in(username=username, password="a guess", client_address="192.0.2.1")


async def test_failures_at_one_account_do_not_slow_down_another(log_in, sign_up):
    await sign_up("ann")
    for _ in range(5):
        with pytest.raises(WrongCredentials):
            await log_in(username="nobody", password="a guess", client_address="192.0.2.1")

    assert await log_in(username="ann", password=PASSWORD, client_address="192.0.2.1")


async def test_a12_another_spelling_or_the_address_is_no_way_round(log_in, sign_up):
    await sign_up("ann")
    for username in ("ann", "Ann", "ａｎｎ", "ann@example.org", "ANN@EXAMPLE.ORG"):
        with pytest.raises(WrongCredentials):
            await log_in(username=username, password="a guess", client_address="192.0.2.1")

    for username in ("anN", "Ann@Example.org"):
        with pytest.raises(TooManyAttempts):
            await log_in(username=username, password="a guess", client_address="192.0.2.1")


async def test_each_text_that_can_be_no_name_is_counted_apart(log_in):
    for username in ("no name", "no@name", "", "x" * 300, "x" * 301, "@", "another no name"):
        with pytest.raises(WrongCredentials):
            await log_in(username=username, password="a guess", client_address="192.0.2.1")


async def test_e05_a_name_that_has_to_wait_is_refused_without_a_query(log_in, sign_up):
    await sign_up("ann")
    for expected in [WrongCredentials] * 5 + [TooManyAttempts]:
        with pytest.raises(expected):
            await log_in(username="ann", password="a guess", client_address="192.0.2.1")
    without_database = replace(log_in, users=None, refresh_tokens=None)

    with pytest.raises(TooManyAttempts):
        await without_database(username="Ann", password="a guess", client_address="192.0.2.1")

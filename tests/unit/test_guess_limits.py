import pytest

from fakes import FakeRateLimiter
from referral.application.guess_limits import GuessLimits
from referral.domain.errors import HashingBusy, TooManyAttempts, WrongCredentials, WrongPassword

ATTACKER = "192.0.2.66"


@pytest.fixture
def guess_limits(clock):
    return GuessLimits(FakeRateLimiter(clock))


@pytest.fixture
def guess(guess_limits):
    """Try a password; a wrong one unless told otherwise."""

    async def guess(account="ann", client_address=ATTACKER, *, outcome=WrongCredentials):
        async with guess_limits.attempt(account, client_address):
            if outcome:
                raise outcome

    return guess


async def fail(guess, times, account="ann", client_address=ATTACKER):
    for _ in range(times):
        with pytest.raises(WrongCredentials):
            await guess(account, client_address)


async def test_five_guesses_at_one_account_from_one_address_are_let_through(guess):
    await fail(guess, times=5)

    with pytest.raises(TooManyAttempts):
        await guess()


async def test_a14_ten_guesses_a_minute_from_one_address_are_let_through(guess, clock):
    for n in range(10):
        await fail(guess, times=1, account=f"user{n}")

    with pytest.raises(TooManyAttempts) as refused:
        await guess("user10")

    assert refused.value.retry_after == 60
    clock.advance(minutes=1)
    await fail(guess, times=1, account="user10")


async def test_fifty_guesses_at_one_account_from_anywhere_are_let_through(guess, clock):
    for n in range(50):
        await fail(guess, times=1, client_address=f"192.0.2.{n}")

    with pytest.raises(TooManyAttempts) as refused:
        await guess(client_address="192.0.2.99")

    assert refused.value.retry_after == 5 * 60


async def test_guesses_at_one_account_do_not_count_for_another(guess):
    for n in range(50):
        await fail(guess, times=1, client_address=f"192.0.2.{n}")

    await fail(guess, times=1, account="bob", client_address="192.0.2.99")


async def test_a17_whoever_guesses_from_one_address_does_not_lock_the_owner_out(guess, clock):
    for _ in range(5 * 60):  # for as long as the account's window lasts
        with pytest.raises((WrongCredentials, TooManyAttempts)):
            await guess()
        clock.advance(milliseconds=999)

    await guess(client_address="198.51.100.1", outcome=None)


async def test_guesses_without_an_address_count_for_the_account(guess):
    await fail(guess, times=50, client_address=None)

    with pytest.raises(TooManyAttempts):
        await guess(client_address=None)


async def test_a_right_password_does_not_count(guess):
    for _ in range(20):
        await guess(outcome=None)


async def test_an_attempt_that_told_nothing_about_the_password_does_not_count(guess):
    for _ in range(20):
        with pytest.raises(HashingBusy):
            await guess(outcome=HashingBusy)


async def test_a_wrong_password_of_someone_logged_in_counts_as_well(guess):
    for _ in range(5):
        with pytest.raises(WrongPassword):
            await guess(outcome=WrongPassword)

    with pytest.raises(TooManyAttempts):
        await guess(outcome=WrongPassword)


async def test_a13_guesses_sent_together_are_no_way_round_the_limit(guess_limits):
    evaluated = 0

    async def all_at_once(waiting):
        nonlocal evaluated
        async with guess_limits.attempt("ann", ATTACKER):
            evaluated += 1
            if waiting:
                await all_at_once(waiting - 1)
            raise WrongCredentials

    with pytest.raises(TooManyAttempts):
        await all_at_once(waiting=100)

    assert evaluated == 5

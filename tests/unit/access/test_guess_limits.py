from contextlib import AsyncExitStack

import pytest

from examples import an_id
from fakes import FakeRateLimiter
from referral.application.access.guess_limits import KNOWN_FOR, GuessLimits
from referral.domain.access.errors import TooManyAttempts, WrongCredentials
from referral.domain.accounts.errors import HashingBusy, WrongPassword

ATTACKER = "192.0.2.66"
HOME = "198.51.100.1"


@pytest.fixture
def rate_limiter(clock):
    return FakeRateLimiter(clock)


@pytest.fixture
def guess_limits(rate_limiter):
    return GuessLimits(rate_limiter)


@pytest.fixture
def guess(guess_limits):
    """Try a password; a wrong one unless told otherwise."""

    async def guess(account="ann", client_address=ATTACKER, *, outcome=WrongCredentials):
        async with guess_limits.attempt(account, client_address, "ann"):
            if outcome:
                raise outcome

    return guess


async def fail(guess, times, account="ann", client_address=ATTACKER):
    for _ in range(times):
        with pytest.raises(WrongCredentials):
            await guess(account, client_address)


async def attack(guess, addresses, account="ann"):
    """Five wrong guesses from each of so many addresses; how many of them were looked at."""
    looked_at = 0
    for n in range(addresses):
        for _ in range(5):
            with pytest.raises((WrongCredentials, TooManyAttempts)) as ended:
                await guess(account, f"203.0.113.{n}")
            looked_at += ended.type is WrongCredentials
    return looked_at


async def test_five_guesses_at_one_account_from_one_address_are_let_through(guess):
    await fail(guess, times=5)

    with pytest.raises(TooManyAttempts) as refused:
        await guess()

    assert refused.value.retry_after == 5 * 60


async def test_a14_ten_guesses_a_minute_from_one_address_are_let_through(guess, clock):
    for n in range(10):
        await fail(guess, times=1, account=f"user{n}")

    with pytest.raises(TooManyAttempts) as refused:
        await guess("user10")

    assert refused.value.retry_after == 60
    clock.advance(minutes=1)
    await fail(guess, times=1, account="user10")


async def test_a_refused_address_leaves_no_trace_of_the_names_it_made_up(guess, rate_limiter):
    for n in range(10):
        await fail(guess, times=1, account=f"user{n}")
    before = dict(rate_limiter._buckets)

    for n in range(300):
        with pytest.raises(TooManyAttempts):
            await guess(f"made-up{n}")

    assert rate_limiter._buckets == before


@pytest.mark.parametrize("addresses", [10, 50])
async def test_a17_the_owner_logs_in_from_an_address_that_never_failed_while_others_guess(
    guess, addresses
):
    await attack(guess, addresses)

    await guess(client_address=HOME, outcome=None)


@pytest.mark.parametrize("addresses", [10, 50])
async def test_past_fifty_guesses_at_one_account_each_address_has_one(guess, addresses):
    assert await attack(guess, addresses) == 50 + (addresses - 10)


async def test_a17_the_owner_has_five_guesses_at_an_address_used_before(guess):
    await guess(client_address=HOME, outcome=None)
    await attack(guess, addresses=20)

    await fail(guess, times=4, client_address=HOME)
    await guess(client_address=HOME, outcome=None)


async def test_a17_the_owner_logs_in_at_an_address_used_before_where_someone_tries_names(guess):
    await guess(client_address=ATTACKER, outcome=None)
    for n in range(10):
        await fail(guess, times=1, account=f"user{n}")

    await guess(client_address=ATTACKER, outcome=None)


async def test_five_guesses_are_the_most_at_an_address_used_before_too(guess):
    await guess(client_address=HOME, outcome=None)
    await fail(guess, times=5, client_address=HOME)

    with pytest.raises(TooManyAttempts):
        await guess(client_address=HOME, outcome=None)


async def test_an_address_is_known_for_30_days(guess, clock):
    await guess(client_address=HOME, outcome=None)
    clock.advance(days=30)
    await attack(guess, addresses=10)

    await fail(guess, times=1, client_address=HOME)
    with pytest.raises(TooManyAttempts):
        await guess(client_address=HOME, outcome=None)


async def test_an_address_stays_known_as_long_as_it_is_used(guess, clock):
    for _ in range(4):
        await guess(client_address=HOME, outcome=None)
        clock.advance(days=16)
    await attack(guess, addresses=10)

    await fail(guess, times=4, client_address=HOME)
    await guess(client_address=HOME, outcome=None)


async def test_that_an_address_is_known_is_written_twice_a_month(clock):
    written = []

    class WatchedRateLimiter(FakeRateLimiter):
        async def remember(self, bucket, time):
            written.append(time)
            await super().remember(bucket, time)

    guess_limits = GuessLimits(WatchedRateLimiter(clock))
    for _ in range(30):
        async with guess_limits.attempt("ann", HOME):
            clock.advance(days=1)

    assert written == [KNOWN_FOR, KNOWN_FOR]


async def test_an_address_is_known_to_one_account_alone(guess):
    await guess("bob", client_address=HOME, outcome=None)
    await attack(guess, addresses=10, account="ann")

    await fail(guess, times=1, account="ann", client_address=HOME)
    with pytest.raises(TooManyAttempts):
        await guess("ann", client_address=HOME)


async def test_without_the_right_password_an_address_does_not_become_known(guess):
    with pytest.raises(HashingBusy):
        await guess(client_address=HOME, outcome=HashingBusy)
    await attack(guess, addresses=10)

    await fail(guess, times=1, client_address=HOME)
    with pytest.raises(TooManyAttempts):
        await guess(client_address=HOME)


async def test_guesses_at_one_account_do_not_count_for_another(guess):
    await attack(guess, addresses=10)

    await fail(guess, times=5, account="bob", client_address=HOME)


async def test_a_user_name_that_looks_like_an_id_is_not_the_user(guess):
    await fail(guess, times=5, account=str(an_id(1)))

    await fail(guess, times=5, account=an_id(1))


async def test_guesses_without_an_address_count_for_the_account(guess):
    await fail(guess, times=50, client_address=None)

    with pytest.raises(TooManyAttempts):
        await guess(client_address=None)


async def test_guesses_from_an_unnamed_address_count_as_from_one(guess):
    await fail(guess, times=5, client_address="")

    with pytest.raises(TooManyAttempts):
        await guess(client_address="")


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


# Attempts in progress


async def under_way(stack, guess_limits, times, client_address=ATTACKER):
    """So many attempts at ann's account that are not over when this returns, but when the stack is closed."""
    for _ in range(times):
        await stack.enter_async_context(guess_limits.attempt("ann", client_address, "ann"))


async def test_a13_guesses_sent_together_are_no_way_round_the_limit(guess_limits, guess):
    stack = AsyncExitStack()
    await under_way(stack, guess_limits, times=5)
    for _ in range(95):
        with pytest.raises(TooManyAttempts):
            await guess()

    await stack.__aexit__(WrongCredentials, WrongCredentials(), None)

    with pytest.raises(TooManyAttempts) as refused:
        await guess()
    assert refused.value.retry_after == 5 * 60


async def test_right_log_ins_at_once_wait_for_a_second_at_most(guess_limits, guess):
    async with AsyncExitStack() as stack:
        await under_way(stack, guess_limits, times=5)
        for _ in range(7):
            with pytest.raises(TooManyAttempts) as refused:
                await guess(outcome=None)
            assert refused.value.retry_after == 1
            guess_limits.ensure_open("ann", ATTACKER)

    for _ in range(12):
        await guess(outcome=None)


async def test_while_others_guess_an_address_has_one_attempt_at_a_time(guess_limits, guess):
    await attack(guess, addresses=10)

    async with guess_limits.attempt("ann", HOME):
        with pytest.raises(TooManyAttempts) as refused:
            await guess(client_address=HOME, outcome=None)

    assert refused.value.retry_after == 1
    await guess(client_address=HOME, outcome=None)


async def test_attempts_in_progress_elsewhere_count_for_the_account(guess_limits, guess):
    async with AsyncExitStack() as stack:
        for n in range(10):
            await under_way(stack, guess_limits, times=5, client_address=f"203.0.113.{n}")

        await fail(guess, times=1)
        with pytest.raises(TooManyAttempts):
            await guess()


async def test_attempts_that_were_never_finished_lock_nobody_who_keeps_trying(
    guess_limits, guess, clock
):
    left_open = AsyncExitStack()
    await under_way(left_open, guess_limits, times=5)

    for _ in range(10):
        with pytest.raises(TooManyAttempts):
            await guess(outcome=None)
        clock.advance(seconds=1)

    await guess(outcome=None)
    await left_open.aclose()


# What is refused without a query


async def test_e05_who_has_to_wait_is_refused_without_a_query(guess_limits, guess, clock):
    await fail(guess, times=5)
    guess_limits.ensure_open("ann", ATTACKER)
    clock.advance(minutes=1)
    with pytest.raises(TooManyAttempts):
        await guess()

    with pytest.raises(TooManyAttempts) as refused:
        guess_limits.ensure_open("ann", ATTACKER)

    assert refused.value.retry_after == 4 * 60
    guess_limits.ensure_open("bob", ATTACKER)
    guess_limits.ensure_open("ann", HOME)
    clock.advance(minutes=4)
    guess_limits.ensure_open("ann", ATTACKER)


async def test_where_no_name_was_given_no_refusal_is_remembered(guess_limits):
    for expected in [WrongPassword] * 5 + [TooManyAttempts]:
        with pytest.raises(expected):
            async with guess_limits.attempt(an_id(1), HOME):
                raise WrongPassword

    guess_limits.ensure_open("", HOME)

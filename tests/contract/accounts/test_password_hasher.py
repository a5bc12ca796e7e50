import asyncio
import time

import bcrypt
import pytest
from structlog.testing import capture_logs

from concurrency import outcomes_of
from fakes import FakePasswordHasher
from referral.adapters.credentials.bcrypt_passwords import BcryptPasswords
from referral.domain.accounts.errors import HashingBusy
from referral.domain.accounts.user import PASSWORD_MAX_BYTES

RIGHT = "correct horse battery"


@pytest.fixture
def bcrypt_of():
    """Give bcrypt of this cost, in one thread."""
    opened = []

    def bcrypt_of(cost):
        opened.append(BcryptPasswords(cost, threads=1))
        return opened[-1]

    yield bcrypt_of
    for passwords in opened:
        passwords.close()


@pytest.fixture(params=["fake", "bcrypt"])
def strengths(request, bcrypt_of):
    """The same hasher twice, the second stronger."""
    if request.param == "fake":
        return FakePasswordHasher(strength=4), FakePasswordHasher(strength=5)
    return bcrypt_of(4), bcrypt_of(5)


@pytest.fixture
def password_hasher(strengths):
    return strengths[0]


async def test_the_right_password_is_known_by_its_hash(password_hasher):
    password_hash = await password_hasher.hash(RIGHT)

    assert await password_hasher.verify(RIGHT, password_hash)


@pytest.mark.parametrize(
    "wrong", ["", "Correct horse battery", RIGHT + " ", RIGHT + "\0", "\ud800", "x\0y"]
)
async def test_another_is_not(password_hasher, wrong):
    password_hash = await password_hasher.hash(RIGHT)

    assert not await password_hasher.verify(wrong, password_hash)


async def test_a_hash_is_salted(password_hasher):
    one, other = [await password_hasher.hash(RIGHT) for _ in range(2)]

    assert one != other
    assert await password_hasher.verify(RIGHT, one)
    assert await password_hasher.verify(RIGHT, other)


@pytest.mark.parametrize("password", ["x" * 72, "🐎" * 18, "пароль и ещё", "  spaces  "])
async def test_a02_any_password_of_72_bytes_is_hashed_whole(password_hasher, password):
    password_hash = await password_hasher.hash(password)

    assert await password_hasher.verify(password, password_hash)
    assert not await password_hasher.verify(password[:-1] + "y", password_hash)


async def test_a05_a_password_that_only_begins_like_the_right_one_is_wrong(password_hasher):
    longest = "x" * PASSWORD_MAX_BYTES
    password_hash = await password_hasher.hash(longest)

    for longer in (longest + "x", longest + "é", longest * 10_000):
        assert not await password_hasher.verify(longer, password_hash)


async def test_without_a_hash_every_password_is_wrong(password_hasher):
    for password in (RIGHT, "", "x" * 100):
        assert not await password_hasher.verify(password, None)


DAMAGED = [
    "nonsense",
    "",
    "$2b$04$short",
    "$2b$99$" + "." * 53,
    "$2b$31$" + "." * 53,  # would take a week
    "$2b$16$" + "." * 53,  # ten seconds
    "$2b$03$" + "." * 53,
    "$2b$04$" + "a" * 53,  # no salt ends so
    "$2b$04$" + "é" * 53,
    "$2c$04$" + "." * 53,
    "$1$04$" + "." * 53,
]


@pytest.mark.parametrize("damaged", DAMAGED)
async def test_a21_with_a_damaged_hash_every_password_is_wrong_at_once(password_hasher, damaged):
    async with asyncio.timeout(2):
        assert not await password_hasher.verify(RIGHT, damaged)


async def test_a22_a_hash_is_outdated_when_one_made_today_would_be_stronger(strengths):
    weak, strong = strengths
    weak_hash, strong_hash = await weak.hash(RIGHT), await strong.hash(RIGHT)

    assert strong.is_outdated(weak_hash)
    assert not strong.is_outdated(strong_hash)
    assert not weak.is_outdated(strong_hash)
    assert not weak.is_outdated(weak_hash)


async def test_a_hash_of_another_strength_is_checked_all_the_same(strengths):
    weak, strong = strengths

    assert await strong.verify(RIGHT, await weak.hash(RIGHT))
    assert await weak.verify(RIGHT, await strong.hash(RIGHT))


@pytest.fixture(params=["fake", "bcrypt"])
def crowded(request, bcrypt_of):
    """A hasher with all its room taken, and how to free it."""
    if request.param == "fake":
        hasher = FakePasswordHasher(busy=True)
        return hasher, [], lambda: setattr(hasher, "busy", False)
    return bcrypt_of(6), list(range(9)), lambda: None


async def test_e05_when_too_many_wait_the_next_is_sent_away_at_once(crowded):
    hasher, waiting, free = crowded
    tasks = [asyncio.create_task(hasher.hash(RIGHT)) for _ in waiting]
    await asyncio.sleep(0)  # they begin

    for refused in (hasher.hash(RIGHT), hasher.verify(RIGHT, None)):
        with pytest.raises(HashingBusy):
            await refused
    with pytest.raises(HashingBusy):
        hasher.ensure_room()

    assert not any(task.done() for task in tasks[1:])
    await asyncio.gather(*tasks)
    free()
    hasher.ensure_room()
    assert await hasher.hash(RIGHT)


async def test_a13_bcrypt_takes_as_many_as_it_has_room_for(bcrypt_of):
    hasher = bcrypt_of(4)

    assert await outcomes_of(hasher.hash(RIGHT) for _ in range(30)) == {
        "done": 9,
        "HashingBusy": 21,
    }
    assert await outcomes_of(hasher.hash(RIGHT) for _ in range(9)) == {"done": 9}


async def test_bcrypt_gets_its_room_back_from_those_who_stop_waiting(bcrypt_of):
    hasher = bcrypt_of(6)
    tasks = [asyncio.create_task(hasher.hash(RIGHT)) for _ in range(9)]
    await asyncio.sleep(0)

    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

    assert await outcomes_of(hasher.hash(RIGHT) for _ in range(9)) == {"done": 9}


async def test_bcrypt_leaves_the_event_loop_free(bcrypt_of):
    task = asyncio.create_task(bcrypt_of(9).hash(RIGHT))
    turns = 0

    while not task.done():
        turns += 1
        await asyncio.sleep(0)

    assert turns > 10


async def test_a10_bcrypt_works_as_hard_where_there_is_no_hash(bcrypt_of):
    hasher = bcrypt_of(9)
    password_hash = await hasher.hash(RIGHT)

    async def seconds(password, stored):
        started = time.process_time()
        await hasher.verify(password, stored)
        return time.process_time() - started

    for password, stored in ((RIGHT, None), (RIGHT, "damaged"), ("x" * 100, password_hash)):
        fastest = min([await seconds(password, stored) for _ in range(3)])
        usual = min([await seconds("wrong", password_hash) for _ in range(3)])
        assert fastest > usual / 3


@pytest.fixture
def rounds(monkeypatch):
    """How many rounds bcrypt did for what is awaited in the block."""
    done = []
    check = bcrypt.checkpw

    def counted(password, stored):
        done.append(2 ** int(stored[4:6]))
        return check(password, stored)

    monkeypatch.setattr(bcrypt, "checkpw", counted)

    async def rounds_of(checking):
        done.clear()
        await checking
        return sum(done)

    return rounds_of


@pytest.mark.parametrize("cost", [4, 5, 6, 8])
async def test_a10_bcrypt_does_as_many_rounds_for_a_hash_from_before_its_cost_was_raised(
    bcrypt_of, rounds, cost
):
    hasher = bcrypt_of(8)
    old = await bcrypt_of(cost).hash(RIGHT)

    for password in (RIGHT, "wrong", "x" * 73):
        assert await rounds(hasher.verify(password, old)) == 2**8
    assert await rounds(hasher.verify(RIGHT, None)) == 2**8
    assert await rounds(hasher.verify(RIGHT, DAMAGED[0])) == 2**8


@pytest.mark.parametrize("damaged", DAMAGED)
async def test_a21_a_damaged_hash_is_told_in_the_log_without_the_hash(bcrypt_of, damaged):
    with capture_logs() as logged:
        await bcrypt_of(4).verify(RIGHT, damaged)

    [line] = logged
    assert (line["log_level"], line["event"]) == ("error", "stored password hash unusable")
    assert not damaged or damaged not in str(line)


@pytest.mark.parametrize("password_hash", [None, "$2b$04$" + "." * 53])
async def test_what_is_no_damage_is_not_logged(bcrypt_of, password_hash):
    with capture_logs() as logged:
        await bcrypt_of(4).verify("x" * 73, password_hash)
        await bcrypt_of(4).verify(RIGHT, password_hash)

    assert logged == []


async def test_bcrypt_hashes_at_its_cost(bcrypt_of):
    assert (await bcrypt_of(5).hash(RIGHT)).startswith("$2b$05$")

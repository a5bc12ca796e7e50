"""The use cases against each other on PostgreSQL, twenty at once.

Each must end as one of them alone could have: nothing deadlocks, nothing times out, nothing is half done.
"""

import pytest

from at_once import outcomes_of
from examples import PASSWORD
from referral.domain.errors import CodeNotFound
from referral.entrypoints.container import open_use_cases
from referral.entrypoints.settings import Settings

SECRET = "0123456789abcdef0123456789abcdef"


@pytest.fixture
async def referral(empty_database_url):
    settings = Settings(
        database_url=empty_database_url,
        secret=SECRET,
        bcrypt_cost=4,
        pool_size=20,
        rate_limits="off",
    )
    async with open_use_cases(settings) as referral:
        yield referral


def in_a_year(referral):
    now = referral.issue_code.clock.now()
    return now.replace(year=now.year + 1, day=1)


@pytest.fixture
async def ann(referral):
    return await referral.register_user(username="ann", email="ann@example.org", password=PASSWORD)


@pytest.fixture
async def code(referral, ann):
    code = await referral.issue_code(owner_id=ann.id, expires_at=in_a_year(referral))
    return code.text.text


@pytest.fixture
def sign_up(referral, code):
    async def sign_up(n):
        name = f"user{n}"
        return await referral.register_user(
            username=name, email=f"{name}@example.org", password=PASSWORD, code=code
        )

    return sign_up


async def ensure_all_or_nothing(referral, ann, signed_up):
    """Whoever has an account was brought by Ann, and whoever was refused has none."""
    brought = await referral.list_referrals(referrer_id=ann.id, size=100)
    assert brought.total == len(brought.items) == signed_up
    for n in range(16):
        found = await referral.log_in.users.by_login(f"user{n}")
        assert found is None or found.referrer_id == ann.id
        signed_up -= found is not None
    assert signed_up == 0


async def test_f19_signing_up_against_replacing_the_code(referral, ann, sign_up):
    async def replace_active():
        await referral.issue_code(
            owner_id=ann.id, expires_at=in_a_year(referral), replace_active=True
        )

    outcomes = await outcomes_of(
        [
            *map(sign_up, range(8)),
            *(replace_active() for _ in range(4)),
            *map(sign_up, range(8, 16)),
        ]
    )

    assert outcomes.keys() <= {"done", "CodeNotUsable"}
    assert len((await referral.list_codes(owner_id=ann.id)).items) == 1
    await ensure_all_or_nothing(referral, ann, outcomes["done"] - 4)


async def test_f19_signing_up_against_retiring_the_code(referral, ann, code, sign_up):
    outcomes = await outcomes_of(
        [
            *map(sign_up, range(8)),
            referral.retire_code(owner_id=ann.id, code=code),
            *map(sign_up, range(8, 16)),
        ]
    )

    assert outcomes.keys() <= {"done", "CodeNotUsable"}
    await ensure_all_or_nothing(referral, ann, outcomes["done"] - 1)
    with pytest.raises(CodeNotFound):
        await referral.code_status(code=code)


async def test_f19_signing_up_against_erasing_the_owner(referral, ann, sign_up):
    outcomes = await outcomes_of(
        [
            *map(sign_up, range(8)),
            referral.erase_user(user_id=ann.id, password=PASSWORD),
            *map(sign_up, range(8, 16)),
        ]
    )

    assert outcomes.keys() <= {"done", "CodeNotUsable"}
    await ensure_all_or_nothing(referral, ann, outcomes["done"] - 1)


async def test_of_twenty_who_use_one_refresh_token_one_gets_a_pair(referral, ann):
    pair = await referral.log_in(username="ann", password=PASSWORD)

    outcomes = await outcomes_of(
        referral.refresh_token_pair(refresh_token=pair.refresh_token) for _ in range(20)
    )

    assert outcomes == {"done": 1, "InvalidRefreshToken": 19}


async def test_of_changes_of_one_password_at_once_one_succeeds(referral, ann):
    outcomes = await outcomes_of(
        referral.change_password(
            user_id=ann.id, password=PASSWORD, new_password=f"password no. {n}"
        )
        for n in range(10)
    )

    assert outcomes == {"done": 1, "WrongPassword": 9}

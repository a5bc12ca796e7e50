import pytest

from examples import PASSWORD, in_a_week
from referral.domain.access.errors import TooManyAttempts
from referral.domain.programs.errors import CodeNotFound


@pytest.fixture
async def code(issue_code, owner, clock):
    return await issue_code(owner_id=owner.id, expires_at=in_a_week(clock))


@pytest.mark.parametrize("email", ["owner@example.org", "Owner@EXAMPLE.org"])
async def test_the_active_code_is_found_by_its_owners_address(find_code, owner, code, email):
    assert await find_code(email=email) == (code, owner.public)


async def nobodys_address(**_):
    return "nobody@example.org"


async def no_address(**_):
    return "nowhere"


async def no_code(sign_up, **_):
    await sign_up("bob")
    return "bob@example.org"


async def an_expired_code(clock, **_):
    clock.advance(weeks=1)
    return "owner@example.org"


async def a_retired_code(retire_code, owner, code, **_):
    await retire_code(owner_id=owner.id, code=code.text.value)
    return "owner@example.org"


async def an_erased_owner(erase_user, owner, **_):
    await erase_user(user_id=owner.id, password=PASSWORD)
    return "owner@example.org"


@pytest.mark.parametrize(
    "whose",
    [nobodys_address, no_address, no_code, an_expired_code, a_retired_code, an_erased_owner],
)
async def test_c08_without_an_active_code_there_is_one_answer(
    *, whose, find_code, retire_code, erase_user, sign_up, owner, code, clock
):
    email = await whose(
        retire_code=retire_code,
        erase_user=erase_user,
        sign_up=sign_up,
        owner=owner,
        code=code,
        clock=clock,
    )

    with pytest.raises(CodeNotFound):
        await find_code(email=email)


async def test_c09_a_caller_looks_up_30_addresses_a_minute_at_most(
    find_code, owner, sign_up, clock
):
    bob = await sign_up("bob")
    for n in range(30):
        with pytest.raises(CodeNotFound):
            await find_code(email=f"guess{n}@example.org", caller_id=bob.id)

    with pytest.raises(TooManyAttempts) as refused:
        await find_code(email="guess30@example.org", caller_id=bob.id)

    with pytest.raises(CodeNotFound):
        await find_code(email="guess30@example.org", caller_id=owner.id)
    assert refused.value.retry_after == 60
    clock.advance(minutes=1)
    with pytest.raises(CodeNotFound):
        await find_code(email="guess30@example.org", caller_id=bob.id)


async def test_c09_a_caller_looks_up_300_addresses_an_hour_at_most(find_code, sign_up, clock):
    bob = await sign_up("bob")
    for n in range(300):
        clock.advance(seconds=2)
        with pytest.raises(CodeNotFound):
            await find_code(email=f"guess{n}@example.org", caller_id=bob.id)

    clock.advance(minutes=1)
    with pytest.raises(TooManyAttempts) as refused:
        await find_code(email="guess300@example.org", caller_id=bob.id)

    assert refused.value.retry_after == 60 * 60 - 299 * 2 - 60
    clock.advance(seconds=refused.value.retry_after)
    with pytest.raises(CodeNotFound):
        await find_code(email="guess300@example.org", caller_id=bob.id)

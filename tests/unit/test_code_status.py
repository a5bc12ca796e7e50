import pytest

from examples import in_a_week
from referral.domain.errors import CodeNotFound


@pytest.fixture
async def code(issue_code, owner, clock):
    return await issue_code(owner_id=owner.id, code="SPRING-2030", expires_at=in_a_week(clock))


@pytest.mark.parametrize("text", ["SPRING-2030", "spring-2030"])
async def test_anyone_can_look_up_a_code_in_any_case(code_status, code, text):
    assert await code_status(code=text) == code


async def test_an_expired_code_is_found_and_not_active(code_status, code, clock):
    clock.advance(weeks=1)

    assert not (await code_status(code="SPRING-2030")).is_active(clock.now())


async def test_a_retired_code_is_not_found(code_status, retire_code, owner, code):
    await retire_code(owner_id=owner.id, code="SPRING-2030")

    with pytest.raises(CodeNotFound):
        await code_status(code="SPRING-2030")


@pytest.mark.parametrize("unknown", ["UNKNOWN-1", "no code!", ""])
async def test_an_unknown_code_is_not_found(code_status, unknown):
    with pytest.raises(CodeNotFound):
        await code_status(code=unknown)

import pytest

from examples import in_a_week
from referral.domain.programs.errors import CodeNotFound, NotYourCode


@pytest.fixture
async def code(issue_code, owner, clock):
    return await issue_code(owner_id=owner.id, code="SPRING-2030", expires_at=in_a_week(clock))


async def test_a_retired_code_is_not_listed_and_not_found(
    retire_code, list_codes, code_status, owner, code
):
    await retire_code(owner_id=owner.id, code="SPRING-2030")

    assert (await list_codes(owner_id=owner.id)).total == 0
    with pytest.raises(CodeNotFound):
        await code_status(code="SPRING-2030")


async def test_it_is_matched_without_regard_to_case(retire_code, list_codes, owner, code):
    await retire_code(owner_id=owner.id, code="spring-2030")

    assert (await list_codes(owner_id=owner.id)).total == 0


async def test_an_expired_code_can_be_retired_too(retire_code, list_codes, owner, code, clock):
    clock.advance(weeks=2)

    await retire_code(owner_id=owner.id, code="SPRING-2030")

    assert (await list_codes(owner_id=owner.id)).total == 0


async def test_a_code_is_retired_once(retire_code, owner, code):
    await retire_code(owner_id=owner.id, code="SPRING-2030")

    with pytest.raises(CodeNotFound):
        await retire_code(owner_id=owner.id, code="SPRING-2030")


async def test_c02_someone_elses_code_cannot_be_retired(retire_code, code_status, sign_up, code):
    bob = await sign_up("bob")

    with pytest.raises(NotYourCode):
        await retire_code(owner_id=bob.id, code="SPRING-2030")

    assert await code_status(code="SPRING-2030") == code


@pytest.mark.parametrize("unknown", ["UNKNOWN-1", "no code!", ""])
async def test_an_unknown_code_cannot_be_retired(retire_code, owner, unknown):
    with pytest.raises(CodeNotFound):
        await retire_code(owner_id=owner.id, code=unknown)

import pytest

from examples import in_a_week
from referral.domain.access.errors import TooManyAttempts
from referral.domain.programs.errors import CodeNotFound, CodeNotUsable


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


async def test_c11_of_10000_guesses_from_one_address_20_a_minute_are_looked_at(
    code_status, code, clock
):
    looked_at = 0
    for n in range(10_000):
        with pytest.raises((CodeNotFound, TooManyAttempts)) as ended:
            await code_status(code=f"GUESS-{n}", client_address="192.0.2.1")
        looked_at += ended.type is CodeNotFound
        clock.advance(milliseconds=60)

    assert looked_at == 20 * 10


async def test_c11_after_20_guesses_in_a_minute_a_code_that_exists_is_refused_as_well(
    code_status, code, clock
):
    for n in range(20):
        with pytest.raises(CodeNotFound):
            await code_status(code=f"GUESS-{n}", client_address="192.0.2.1")

    with pytest.raises(TooManyAttempts) as refused:
        await code_status(code="SPRING-2030", client_address="192.0.2.1")

    assert refused.value.retry_after == 60
    assert await code_status(code="SPRING-2030", client_address="192.0.2.2") == code
    clock.advance(minutes=1)
    assert await code_status(code="SPRING-2030", client_address="192.0.2.1") == code


async def test_codes_that_are_found_are_not_counted(code_status, code):
    for _ in range(100):
        await code_status(code="SPRING-2030", client_address="192.0.2.1")


async def test_c11_guesses_without_an_address_are_not_counted(code_status):
    for n in range(100):
        with pytest.raises(CodeNotFound):
            await code_status(code=f"GUESS-{n}")


async def test_c11_signing_up_is_no_way_round(code_status, sign_up, code, clock):
    clock.advance(weeks=1)
    for n in range(20):
        guess = "SPRING-2030" if n % 2 else f"GUESS-{n}"  # expired, or never issued
        with pytest.raises(CodeNotUsable):
            await sign_up("bob", code=guess, client_address="192.0.2.1")

    with pytest.raises(TooManyAttempts):
        await code_status(code="SPRING-2030", client_address="192.0.2.1")
    clock.advance(minutes=1)
    for n in range(20):
        with pytest.raises(CodeNotFound):
            await code_status(code=f"GUESS-{n}", client_address="192.0.2.1")
    with pytest.raises(TooManyAttempts):
        await sign_up("bob", code="SPRING-2030", client_address="192.0.2.1")

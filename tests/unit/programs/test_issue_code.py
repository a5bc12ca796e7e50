from dataclasses import replace
from datetime import timedelta

import pytest

from examples import an_id, in_a_week
from referral.domain.access.errors import TooManyAttempts
from referral.domain.accounts.errors import UserNotFound
from referral.domain.errors import InvalidInput, Violation
from referral.domain.programs.errors import ActiveCodeExists, CodeNotFound, CodeTaken
from referral.domain.programs.referral_code import GENERATED_LENGTH, UNAMBIGUOUS


async def test_a_code_has_the_text_its_owner_chose_in_capitals(
    issue_code, code_status, owner, clock
):
    code = await issue_code(owner_id=owner.id, code="ffff12345678", expires_at=in_a_week(clock))

    assert code.text.value == "FFFF12345678"
    assert code.owner_id == owner.id
    assert code.issued_at == clock.now()
    assert code.is_active(clock.now())
    assert await code_status(code="FFFF12345678") == code


async def test_without_a_text_one_is_generated(issue_code, owner, clock):
    code = await issue_code(owner_id=owner.id, expires_at=in_a_week(clock))

    assert len(code.text.value) == GENERATED_LENGTH == 12
    assert set(code.text.value) <= set(UNAMBIGUOUS)


async def test_the_expiry_may_be_a_text_without_an_offset(issue_code, owner):
    code = await issue_code(owner_id=owner.id, expires_at="2030-10-10 12:00")

    assert code.expires_at.isoformat() == "2030-10-10T12:00:00+00:00"


async def test_a_second_code_beside_an_active_one_is_refused(issue_code, list_codes, owner, clock):
    first = await issue_code(owner_id=owner.id, expires_at=in_a_week(clock))

    with pytest.raises(ActiveCodeExists):
        await issue_code(owner_id=owner.id, expires_at=in_a_week(clock))

    assert [*(await list_codes(owner_id=owner.id)).items] == [first]


async def test_an_expired_code_makes_room_for_a_new_one(issue_code, owner, clock):
    first = await issue_code(owner_id=owner.id, expires_at=in_a_week(clock))
    clock.advance(weeks=1)

    second = await issue_code(owner_id=owner.id, expires_at=in_a_week(clock))

    assert second.text != first.text


async def test_a_code_just_before_its_expiry_makes_no_room(issue_code, owner, clock):
    await issue_code(owner_id=owner.id, expires_at=in_a_week(clock))
    clock.advance(weeks=1, microseconds=-1)

    with pytest.raises(ActiveCodeExists):
        await issue_code(owner_id=owner.id, expires_at=in_a_week(clock))


async def test_a_retired_code_makes_room_for_a_new_one(issue_code, retire_code, owner, clock):
    first = await issue_code(owner_id=owner.id, expires_at=in_a_week(clock))
    await retire_code(owner_id=owner.id, code=first.text.value)

    assert await issue_code(owner_id=owner.id, expires_at=in_a_week(clock))


async def test_asked_to_replace_it_retires_the_active_one(
    issue_code, list_codes, code_status, owner, clock
):
    first = await issue_code(owner_id=owner.id, expires_at=in_a_week(clock))

    second = await issue_code(owner_id=owner.id, expires_at=in_a_week(clock), replace_active=True)

    assert [*(await list_codes(owner_id=owner.id)).items] == [second]
    with pytest.raises(CodeNotFound):
        await code_status(code=first.text.value)


async def test_there_need_not_be_one_to_replace(issue_code, owner, clock):
    assert await issue_code(owner_id=owner.id, expires_at=in_a_week(clock), replace_active=True)


async def test_everyone_has_an_active_code_of_their_own(issue_code, sign_up, owner, clock):
    bob = await sign_up("bob")
    await issue_code(owner_id=owner.id, expires_at=in_a_week(clock))

    assert await issue_code(owner_id=bob.id, expires_at=in_a_week(clock))


async def test_a_text_once_used_is_never_given_out_again(
    issue_code, retire_code, sign_up, owner, clock
):
    bob = await sign_up("bob")
    await issue_code(owner_id=owner.id, code="SPRING-2030", expires_at=in_a_week(clock))
    await retire_code(owner_id=owner.id, code="SPRING-2030")

    for someone in (bob, owner):
        with pytest.raises(CodeTaken):
            await issue_code(owner_id=someone.id, code="spring-2030", expires_at=in_a_week(clock))


async def test_a_replacement_that_is_refused_leaves_the_active_code_as_it_was(
    issue_code, find_code, sign_up, owner, clock
):
    bob = await sign_up("bob")
    await issue_code(owner_id=bob.id, code="BOBS-CODE", expires_at=in_a_week(clock))
    first = await issue_code(owner_id=owner.id, expires_at=in_a_week(clock))

    with pytest.raises(CodeTaken):
        await issue_code(
            owner_id=owner.id, code="BOBS-CODE", expires_at=in_a_week(clock), replace_active=True
        )

    assert await find_code(email="owner@example.org") == (first, owner.public)


@pytest.mark.parametrize("replace_active", [False, True])
async def test_a_generated_text_that_is_taken_is_drawn_again(
    *, issue_code, randomness, sign_up, owner, clock, replace_active
):
    bob = await sign_up("bob")
    await issue_code(owner_id=bob.id, code="AAAAAAAAAAAA", expires_at=in_a_week(clock))
    randomness.code_texts = ["AAAAAAAAAAAA", "AAAAAAAAAAAA", "BBBBBBBBBBBB"]

    code = await issue_code(
        owner_id=owner.id, expires_at=in_a_week(clock), replace_active=replace_active
    )

    assert code.text.value == "BBBBBBBBBBBB"


async def test_after_three_draws_it_gives_up(issue_code, randomness, sign_up, owner, clock):
    bob = await sign_up("bob")
    await issue_code(owner_id=bob.id, code="AAAAAAAAAAAA", expires_at=in_a_week(clock))
    randomness.code_texts = ["AAAAAAAAAAAA"] * 3 + ["BBBBBBBBBBBB"]

    with pytest.raises(CodeTaken):
        await issue_code(owner_id=owner.id, expires_at=in_a_week(clock))

    assert randomness.code_texts == ["BBBBBBBBBBBB"]


async def test_a_chosen_text_that_is_taken_is_not_replaced_by_a_generated_one(
    issue_code, sign_up, owner, clock
):
    bob = await sign_up("bob")
    await issue_code(owner_id=bob.id, code="BOBS-CODE", expires_at=in_a_week(clock))

    with pytest.raises(CodeTaken):
        await issue_code(owner_id=owner.id, code="BOBS-CODE", expires_at=in_a_week(clock))


async def test_a_chosen_text_that_is_taken_is_tried_once(issue_code, sign_up, store, owner, clock):
    bob = await sign_up("bob")
    await issue_code(owner_id=bob.id, code="BOBS-CODE", expires_at=in_a_week(clock))
    tried_at = []

    class WatchedUnitOfWork:
        def begin(self):
            tried_at.append(clock.now())
            return store.begin()

    watched = replace(issue_code, unit_of_work=WatchedUnitOfWork())

    with pytest.raises(CodeTaken):
        await watched(
            owner_id=owner.id, code="BOBS-CODE", expires_at=in_a_week(clock), replace_active=True
        )

    assert tried_at == [clock.now()]


async def test_everything_that_is_wrong_is_told_at_once(issue_code, owner, clock):
    with pytest.raises(InvalidInput) as refused:
        await issue_code(owner_id=owner.id, code="no!", expires_at=clock.now())

    assert [v.field for v in refused.value.violations] == ["code", "expires_at"]
    assert refused.value.violations[1] == Violation(
        "Expires time less than current time", "expires_at"
    )


async def test_a_code_that_expired_while_it_waited_for_its_turn_is_refused(
    issue_code, list_codes, store, owner, clock
):
    class SlowUnitOfWork:
        def begin(self):
            clock.advance(seconds=1)
            return store.begin()

    slowly = replace(issue_code, unit_of_work=SlowUnitOfWork())

    with pytest.raises(InvalidInput) as refused:
        await slowly(
            owner_id=owner.id,
            expires_at=clock.now() + timedelta(milliseconds=500),
            replace_active=True,
        )

    assert [v.field for v in refused.value.violations] == ["expires_at"]
    assert (await list_codes(owner_id=owner.id)).total == 0


@pytest.mark.parametrize("replace_active", [False, True])
async def test_who_does_not_exist_has_no_codes(issue_code, clock, replace_active):
    with pytest.raises(UserNotFound):
        await issue_code(
            owner_id=an_id(404), expires_at=in_a_week(clock), replace_active=replace_active
        )


async def test_e11_a_user_issues_30_codes_an_hour_at_most(issue_code, owner, sign_up, clock):
    bob = await sign_up("bob")

    async def issue(user=owner):
        return await issue_code(owner_id=user.id, expires_at=in_a_week(clock), replace_active=True)

    for _ in range(30):
        await issue()
    with pytest.raises(TooManyAttempts) as refused:
        await issue()

    assert refused.value.retry_after == 60 * 60
    assert await issue(bob)
    clock.advance(hours=1)
    assert await issue()


async def test_e11_codes_that_are_refused_for_a_conflict_count_too(issue_code, owner, clock):
    await issue_code(owner_id=owner.id, expires_at=in_a_week(clock))

    for expected in [ActiveCodeExists] * 29 + [TooManyAttempts]:
        with pytest.raises(expected):
            await issue_code(owner_id=owner.id, expires_at=in_a_week(clock))


async def test_codes_that_break_a_rule_do_not_count(issue_code, owner, clock):
    for _ in range(100):
        with pytest.raises(InvalidInput):
            await issue_code(owner_id=owner.id, code="no!", expires_at=in_a_week(clock))

    assert await issue_code(owner_id=owner.id, expires_at=in_a_week(clock))

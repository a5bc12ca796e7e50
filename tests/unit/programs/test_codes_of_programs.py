"""What the terms of a program say of its codes, and who can sign up with them."""

import asyncio
from datetime import timedelta

import pytest

from examples import PASSWORD, in_a_week
from referral.application.programs.known_programs import KnownPrograms
from referral.application.programs.ports import ProgramChanged
from referral.domain.errors import InvalidInput
from referral.domain.programs.errors import (
    ActiveCodeExists,
    CodeNotFound,
    CodeNotUsable,
    ProgramNotFound,
    ProgramNotOpen,
)


@pytest.fixture
def program(create_program, change_program):
    """Make an active program with these rules about codes."""

    async def program(slug="summer", *, terms=None, **code):
        await create_program(slug=slug, name="Summer", terms={**(terms or {}), "code": code})
        await change_program(slug=slug, status="active")

    return program


@pytest.fixture
def issue(issue_code, clock, owner):
    async def issue(slug="summer", **more):
        return await issue_code(
            **{"owner_id": owner.id, "expires_at": in_a_week(clock), "program": slug, **more}
        )

    return issue


async def test_a_code_is_of_the_program_that_is_named(program, issue):
    await program(max_uses=3)

    code = await issue()

    assert (code.program.slug.value, code.max_uses, code.uses) == ("summer", 3, 0)


async def test_without_a_name_it_is_the_default_program(issue_code, owner, clock):
    code = await issue_code(owner_id=owner.id, expires_at=in_a_week(clock))

    assert (code.program.slug.value, code.max_uses) == ("default", None)


async def test_a_person_has_one_active_code_in_each_program(program, issue):
    await program("summer")
    await program("winter")

    await issue("summer")
    await issue("winter")

    with pytest.raises(ActiveCodeExists):
        await issue("summer")


async def test_replacing_a_code_leaves_those_of_other_programs(program, issue, list_codes, owner):
    await program("summer")
    await program("winter")
    kept = await issue("winter")
    await issue("summer")

    new = await issue("summer", replace_active=True)

    assert [*(await list_codes(owner_id=owner.id)).items] == [kept, new]


@pytest.mark.parametrize("slug", ["winter", "No slug"])
async def test_a_program_that_is_not_there_has_no_codes(issue, slug):
    with pytest.raises(ProgramNotFound):
        await issue(slug)


async def test_a_draft_has_no_codes(create_program, issue):
    await create_program(slug="summer", name="Summer", terms={})

    with pytest.raises(ProgramNotOpen):
        await issue()


async def test_a_program_that_is_made_active_has_codes_at_once(
    create_program, change_program, issue
):
    await create_program(slug="summer", name="Summer", terms={})
    with pytest.raises(ProgramNotOpen):
        await issue()

    await change_program(slug="summer", status="active")

    assert await issue()


@pytest.mark.parametrize("status", ["paused", "ended"])
async def test_a_program_that_stops_has_no_new_codes_from_then_on(
    program, issue, change_program, status
):
    await program()
    await issue()

    await change_program(slug="summer", status=status)

    with pytest.raises(ProgramNotOpen):
        await issue(replace_active=True)


async def test_outside_its_dates_a_program_has_no_new_codes(program, issue, change_program, clock):
    await program()
    await change_program(slug="summer", ends_at=clock.now() + timedelta(hours=1))
    await issue()

    clock.advance(hours=1)

    with pytest.raises(ProgramNotOpen):
        await issue(replace_active=True)


async def test_new_terms_hold_for_the_next_code(program, issue, add_terms):
    await program(max_uses=3)
    await issue()

    await add_terms(slug="summer", terms={"code": {"max_uses": 5, "own_text": False}})

    with pytest.raises(InvalidInput):
        await issue(code="SPRING-2030", replace_active=True)
    assert (await issue(replace_active=True)).max_uses == 5


async def test_terms_that_ask_for_less_hold_at_once_too(program, issue, add_terms):
    await program(own_text=False)
    await issue()

    await add_terms(slug="summer", terms={})

    assert (await issue(code="SPRING-2030", replace_active=True)).text.value == "SPRING-2030"


async def test_what_the_terms_say_of_a_code_is_told_whole(program, issue, clock):
    await program(max_lifetime_days=7, reserved=["ADMIN"])

    with pytest.raises(InvalidInput) as refusal:
        await issue(code="admin-2030", expires_at=clock.now() + timedelta(days=7, seconds=1))

    assert {v.field: v.detail for v in refusal.value.violations} == {
        "code": "This text has a reserved word in it; choose another.",
        "expires_at": "A code of this program expires within 7 days.",
    }


async def test_a_generated_text_is_not_chosen(program, issue):
    await program(own_text=False)

    assert await issue()
    with pytest.raises(InvalidInput, match="generated"):
        await issue(code="SPRING-2030", replace_active=True)


async def test_a_code_is_used_as_often_as_it_may_be_and_no_more(
    program, issue, sign_up, code_status
):
    await program(max_uses=2)
    text = (await issue()).text.value
    await sign_up("bob", code=text)
    await sign_up("carl", code=text)

    with pytest.raises(CodeNotUsable):
        await sign_up("dora", code=text)

    assert (await code_status(code=text)).uses == 2


async def test_of_many_who_sign_up_at_once_as_many_as_may_do(program, issue, sign_up):
    await program(max_uses=10)
    text = (await issue()).text.value

    outcomes = await asyncio.gather(
        *(sign_up(f"user{n}", code=text) for n in range(30)), return_exceptions=True
    )

    refused = [outcome for outcome in outcomes if isinstance(outcome, CodeNotUsable)]
    assert len(refused) == 20


@pytest.mark.parametrize("status", ["paused", "ended"])
async def test_nobody_signs_up_with_a_code_of_a_program_that_stopped(
    program, issue, change_program, sign_up, status
):
    await program()
    text = (await issue()).text.value

    await change_program(slug="summer", status=status)

    with pytest.raises(CodeNotUsable):
        await sign_up("bob", code=text)


async def test_a_referral_keeps_the_version_of_the_terms_it_was_made_under(
    program, issue, add_terms, sign_up, store
):
    await program(terms={"qualification": {"event": "purchase"}})
    text = (await issue()).text.value
    await sign_up("bob", code=text)
    await add_terms(slug="summer", terms={})
    await sign_up("carl", code=text)

    assert [
        (r.terms_version, r.status, r.qualified_at is None) for r in store.read().referrals
    ] == [
        (1, "signed_up", True),
        (2, "qualified", False),
    ]


async def test_a_code_of_another_program_is_not_found_by_its_owners_address(
    program, issue, find_code
):
    await program()
    await issue()

    with pytest.raises(CodeNotFound):
        await find_code(email="owner@example.org")


async def test_erasing_the_owner_withdraws_the_codes_of_every_program(
    program, issue, store, erase_user, owner
):
    await program()
    await issue("summer")
    await issue("default")

    await erase_user(user_id=owner.id, password=PASSWORD)

    assert all(code.retired_at for code in store.read().codes.values())


async def test_a_decision_is_taken_again_for_as_long_as_the_program_changes_meanwhile(
    container, add_terms
):
    decided_by = []

    async def decide(known):
        decided_by.append(known.program.terms_version)
        if len(decided_by) < 4:
            await add_terms(slug="default", terms={})
            raise ProgramChanged
        return "decided"

    known_programs = container.get(KnownPrograms)

    assert await known_programs.decide("default", decide) == "decided"
    assert decided_by == [1, 2, 3, 4]
    assert await known_programs.decide("default", decide) == "decided"
    assert decided_by == [1, 2, 3, 4, 4]

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from concurrency import has_to_wait, outcomes_of
from examples import DEFAULT_PROGRAM, NOW, a_new_code, a_referral, a_user
from referral.application.pages import MAX_POSITION, ListRequest, PageRequest
from referral.application.programs.ports import ProgramChanged, RetiredCode
from referral.domain.accounts.errors import UserNotFound
from referral.domain.accounts.user import EmailAddress
from referral.domain.programs.errors import ActiveCodeExists, CodeNotFound, CodeTaken
from referral.domain.programs.program import DEFAULT, NewProgram, ProgramStatus, Slug
from referral.domain.programs.referral_code import CodeText
from referral.domain.programs.terms import CodeRules, Qualification, Terms

A_MOMENT = timedelta(microseconds=1)
LATER = NOW + timedelta(days=1)


async def listed(codes, owner):
    return [code.text.value for code in (await codes.page_of(owner.id, PageRequest())).items]


async def test_a_stored_code_is_found_by_its_text(codes, ann):
    new = a_new_code(ann, "SPRING-2030")

    code = await codes.add(new)

    assert (code.owner_id, code.text) == (ann.id, CodeText("SPRING-2030"))
    assert (code.issued_at, code.expires_at, code.retired_at) == (NOW, new.expires_at, None)
    assert await codes.by_text(new.text) == code


async def test_every_code_has_an_id_of_its_own(codes, ann, bob):
    first, second = [
        await codes.add(a_new_code(u, f"CODE-OF-{u.username.value.upper()}")) for u in (ann, bob)
    ]

    assert first.id < second.id


async def test_a_text_that_nobody_issued_is_not_found(codes):
    with pytest.raises(CodeNotFound):
        await codes.by_text(CodeText("UNKNOWN-1"))


async def test_a_code_of_nobody_is_not_stored(codes):
    with pytest.raises(UserNotFound):
        await codes.add(a_new_code(a_user("nobody", number=404)))


async def test_a_code_of_an_erased_user_is_not_stored(codes, users, ann):
    await users.erase(ann.erased(NOW))

    with pytest.raises(UserNotFound):
        await codes.add(a_new_code(ann))


async def test_a_second_code_beside_an_active_one_is_refused(codes, ann):
    await codes.add(a_new_code(ann, "FIRST-1", days=7))

    with pytest.raises(ActiveCodeExists):
        await codes.add(a_new_code(ann, "SECOND-2", issued_at=NOW + timedelta(days=7) - A_MOMENT))

    assert await listed(codes, ann) == ["FIRST-1"]


async def test_everyone_has_an_active_code_of_their_own(codes, ann, bob):
    await codes.add(a_new_code(ann, "FIRST-1"))

    await codes.add(a_new_code(bob, "SECOND-2"))

    assert await listed(codes, bob) == ["SECOND-2"]


async def test_from_the_moment_it_expires_a_code_makes_room(codes, ann):
    await codes.add(a_new_code(ann, "FIRST-1", days=7))

    await codes.add(a_new_code(ann, "SECOND-2", issued_at=NOW + timedelta(days=7)))

    assert await listed(codes, ann) == ["FIRST-1", "SECOND-2"]


async def test_from_the_moment_it_is_retired_a_code_makes_room(codes, ann):
    code = await codes.add(a_new_code(ann, "FIRST-1"))
    await codes.retire(code.retire(LATER))

    second = await codes.add(a_new_code(ann, "SECOND-2", issued_at=LATER))

    assert second.issued_at == LATER
    assert await listed(codes, ann) == ["SECOND-2"]


async def test_a_code_retired_the_moment_it_was_issued_is_in_nobodys_way(codes, ann):
    code = await codes.add(a_new_code(ann, "FIRST-1"))
    await codes.retire(code.retire(NOW))

    await codes.add(a_new_code(ann, "SECOND-2"))

    assert await listed(codes, ann) == ["SECOND-2"]


async def test_a_text_is_issued_once_by_anyone_ever(codes, ann, bob):
    code = await codes.add(a_new_code(ann, "SPRING-2030"))
    await codes.retire(code.retire(NOW))

    for owner in (ann, bob):
        with pytest.raises(CodeTaken):
            await codes.add(a_new_code(owner, "SPRING-2030", issued_at=LATER))


async def test_a_text_stays_taken_when_its_owner_is_erased(codes, users, ann, bob):
    await codes.add(a_new_code(ann, "SPRING-2030"))
    await users.erase(ann.erased(NOW))

    with pytest.raises(CodeTaken):
        await codes.add(a_new_code(bob, "SPRING-2030"))


async def test_a_retired_code_is_found_and_not_listed(codes, ann):
    code = await codes.add(a_new_code(ann))

    await codes.retire(code.retire(LATER))

    assert await codes.by_text(code.text) == replace(code, retired_at=LATER)
    assert await listed(codes, ann) == []


async def test_all_of_an_owner_retires_what_is_active(codes, ann, bob):
    expired = await codes.add(a_new_code(ann, "EXPIRED-1", days=1))
    active = await codes.add(a_new_code(ann, "ACTIVE-2", issued_at=LATER))
    bobs = await codes.add(a_new_code(bob, "BOBS-3"))

    retired = await codes.retire_all_of(ann.id, LATER + A_MOMENT)

    assert retired == [RetiredCode(active.id, active.text, DEFAULT)]
    assert await codes.by_text(active.text) == replace(active, retired_at=LATER + A_MOMENT)
    assert await codes.by_text(expired.text) == expired
    assert await codes.by_text(bobs.text) == bobs


async def test_all_of_an_owner_leaves_what_was_retired_before_as_it_was(codes, ann):
    code = await codes.add(a_new_code(ann))
    await codes.retire(code.retire(NOW))

    assert await codes.retire_all_of(ann.id, LATER) == []

    assert (await codes.by_text(code.text)).retired_at == NOW


async def test_f24_a_slow_clock_retires_no_code_before_it_was_issued(codes, ann):
    code = await codes.add(a_new_code(ann, issued_at=LATER))

    await codes.retire_all_of(ann.id, NOW)

    assert (await codes.by_text(code.text)).retired_at == LATER


@pytest.mark.parametrize("ahead", [A_MOMENT, timedelta(milliseconds=10), timedelta(hours=1)])
async def test_f24_after_a_withdrawal_by_a_clock_that_is_ahead_a_slower_one_issues(
    codes, ann, ahead
):
    code = await codes.add(a_new_code(ann, "FIRST-1", issued_at=NOW))
    await codes.retire(code.retire(LATER + ahead))

    second = await codes.add(a_new_code(ann, "SECOND-2", issued_at=LATER))

    assert second.issued_at == LATER + ahead
    assert second.is_active(LATER)


async def test_f24_a_code_is_not_issued_after_it_would_expire(codes, ann):
    code = await codes.add(a_new_code(ann, "FIRST-1", issued_at=NOW))
    await codes.retire(code.retire(LATER + timedelta(hours=1)))

    with pytest.raises(ActiveCodeExists):
        await codes.add(a_new_code(ann, "SECOND-2", issued_at=LATER, days=1 / 24))

    assert await listed(codes, ann) == []


async def test_the_active_code_is_found_by_its_owners_address_in_any_case(codes, ann):
    await codes.add(a_new_code(ann, "EXPIRED-1", days=1))
    active = await codes.add(a_new_code(ann, "ACTIVE-2", issued_at=LATER))

    found = await codes.active_by_email(EmailAddress("ANN@Example.org"), LATER)

    assert found == (active, ann.public)


async def test_without_an_active_code_none_is_found(codes, users, ann, bob):
    nobody = EmailAddress("nobody@example.org")
    code = await codes.add(a_new_code(ann, "EXPIRED-1"))
    retired = await codes.add(a_new_code(bob, "RETIRED-2"))
    await codes.retire(retired.retire(NOW))

    for email, now in ((nobody, NOW), (ann.email, code.expires_at), (bob.email, NOW)):
        with pytest.raises(CodeNotFound):
            await codes.active_by_email(email, now)

    await users.erase(ann.erased(NOW))
    with pytest.raises(CodeNotFound):
        await codes.active_by_email(ann.email, NOW)


async def many_codes(codes, owner, *, count):
    for n in range(count):
        await codes.add(a_new_code(owner, f"CODE-{n}", issued_at=NOW + timedelta(days=n), days=1))


async def test_pages_are_filled_oldest_first(codes, ann, bob):
    await codes.add(a_new_code(bob, "BOBS-CODE"))
    await many_codes(codes, ann, count=5)

    pages = [await codes.page_of(ann.id, PageRequest(page=n, size=2)) for n in (1, 2, 3)]

    assert [[code.text.value for code in page.items] for page in pages] == [
        ["CODE-0", "CODE-1"],
        ["CODE-2", "CODE-3"],
        ["CODE-4"],
    ]
    for number, page in enumerate(pages, 1):
        assert (page.total, page.page, page.size, page.pages) == (5, number, 2, 3)
        assert page.next_cursor is None


@pytest.mark.parametrize("page", [4, 2**31 - 1])
async def test_a_page_past_the_end_is_empty(codes, ann, page):
    await many_codes(codes, ann, count=5)

    past = await codes.page_of(ann.id, PageRequest(page=page, size=2))

    assert ([*past.items], past.total, past.page, past.pages) == ([], 5, page, 3)


async def test_who_has_no_codes_has_an_empty_page(codes, ann):
    page = await codes.page_of(ann.id, PageRequest())

    assert ([*page.items], page.total, page.page, page.size, page.pages) == ([], 0, 1, 50, 0)


async def test_f16_of_twenty_codes_issued_at_once_by_one_owner_one_is(codes, ann):
    outcomes = await outcomes_of(codes.add(a_new_code(ann, f"CODE-{n}")) for n in range(20))

    assert outcomes == {"done": 1, "ActiveCodeExists": 19}
    assert len(await listed(codes, ann)) == 1


async def test_f16_of_twenty_who_issue_one_text_at_once_one_succeeds(codes, users):
    twenty = [a_user(f"user{n}", number=n) for n in range(1, 21)]
    for user in twenty:
        await users.add(user)

    outcomes = await outcomes_of(codes.add(a_new_code(user, "SPRING-2030")) for user in twenty)

    assert outcomes == {"done": 1, "CodeTaken": 19}


async def test_f17_twenty_replacements_at_once_succeed_one_after_another(store, codes, ann):
    async def replace_active(n):
        async with store.begin() as tx:
            await tx.users.lock(ann.id)
            await tx.codes.retire_all_of(ann.id, NOW)
            await tx.codes.add(a_new_code(ann, f"CODE-{n}"))

    outcomes = await outcomes_of(replace_active(n) for n in range(20))

    assert outcomes == {"done": 20}
    [last] = await listed(codes, ann)
    assert (await codes.by_text(CodeText(last))).is_active(NOW)


async def test_f17_when_codes_are_issued_while_the_active_one_is_retired_one_is_left(
    store, codes, ann
):
    first = await codes.add(a_new_code(ann, "FIRST-1"))

    async def retire():
        async with store.begin() as tx:
            await tx.users.lock(ann.id)
            code = await tx.codes.by_text(first.text)
            await tx.codes.retire(code.retire(LATER))

    async def issue(n):
        await codes.add(a_new_code(ann, f"CODE-{n}", issued_at=LATER))

    outcomes = await outcomes_of(
        attempt for n in range(10) for attempt in (issue(n), issue(n + 10), retire())
    )

    issued = await listed(codes, ann)
    assert "FIRST-1" not in issued
    assert len(issued) <= 1
    assert outcomes == {
        "done": 1 + len(issued),  # one retired it
        "CodeNotFound": 9,  # the others came late
        "ActiveCodeExists": 20 - len(issued),
    }


async def test_a_code_issued_while_its_owner_is_erased_is_not_stored(store, codes, ann):
    async with store.begin() as tx:
        await tx.users.erase((await tx.users.lock(ann.id)).erased(NOW))
        issuing = asyncio.create_task(codes.add(a_new_code(ann)))
        waited = await has_to_wait(issuing)

    assert waited
    with pytest.raises(UserNotFound):
        await issuing


@pytest.fixture
async def summer(programs):
    """A program whose codes can be used three times."""
    new = NewProgram(
        slug=Slug("summer"), name="Summer", status=ProgramStatus.ACTIVE, created_at=NOW
    )
    terms = Terms(code=CodeRules(max_uses=3), qualification=Qualification(event="purchase"))
    await programs.add(new, terms)
    return await programs.in_force(new.slug)


async def test_a_code_tells_of_its_program_and_how_often_it_can_be_used(codes, ann, summer):
    code = await codes.add(a_new_code(ann, program=summer))

    assert (code.program, code.max_uses, code.uses) == (summer.of_code, 3, 0)
    assert not code.program.qualifies_at_sign_up
    assert await codes.by_text(code.text) == code
    assert [*(await codes.page_of(ann.id, PageRequest())).items] == [code]


async def test_a_code_tells_what_became_of_its_program(codes, programs, store, ann, summer):
    code = await codes.add(a_new_code(ann, program=summer))
    await programs.add_terms(Slug("summer"), Terms(), LATER)
    async with store.begin() as tx:
        locked = await tx.programs.lock(Slug("summer"))
        await tx.programs.save(
            replace(locked, status=ProgramStatus.PAUSED, starts_at=NOW, ends_at=LATER)
        )

    program = (await codes.by_text(code.text)).program

    assert (program.status, program.starts_at, program.ends_at) == ("paused", NOW, LATER)
    assert (program.terms_version, program.qualifies_at_sign_up) == (2, True)


async def test_everyone_has_an_active_code_in_each_program(codes, ann, summer):
    await codes.add(a_new_code(ann, "FIRST-1"))
    await codes.add(a_new_code(ann, "SECOND-2", program=summer))

    with pytest.raises(ActiveCodeExists):
        await codes.add(a_new_code(ann, "THIRD-3", program=summer))

    assert await listed(codes, ann) == ["FIRST-1", "SECOND-2"]


async def test_of_twenty_codes_of_two_programs_at_once_each_has_one(codes, ann, summer):
    outcomes = await outcomes_of(
        codes.add(a_new_code(ann, f"CODE-{n}", program=summer if n % 2 else DEFAULT_PROGRAM))
        for n in range(20)
    )

    assert outcomes == {"done": 2, "ActiveCodeExists": 18}


async def test_the_code_of_one_program_is_retired_and_not_the_others(codes, ann, bob, summer):
    kept = await codes.add(a_new_code(ann, "KEPT-1"))
    of_bob = await codes.add(a_new_code(bob, "KEPT-2", program=summer))
    code = await codes.add(a_new_code(ann, "GONE-3", program=summer))

    retired = await codes.retire_active(ann.id, summer.program.id, LATER)

    assert retired == [RetiredCode(code.id, code.text, summer.program.slug)]
    assert await codes.retire_active(ann.id, summer.program.id, LATER) == []
    assert (await codes.by_text(code.text)).retired_at == LATER
    assert [await codes.by_text(c.text) for c in (kept, of_bob)] == [kept, of_bob]


async def test_a_code_of_another_program_is_not_found_by_its_owners_address(codes, ann, summer):
    await codes.add(a_new_code(ann, program=summer))

    with pytest.raises(CodeNotFound):
        await codes.active_by_email(ann.email, NOW)


async def test_a_code_is_not_stored_for_what_the_program_was_before(codes, programs, ann, summer):
    await programs.add_terms(Slug("summer"), Terms(), LATER)

    with pytest.raises(ProgramChanged):
        await codes.add(a_new_code(ann, program=summer))

    assert await listed(codes, ann) == []


async def test_each_referral_uses_its_code_once_more(codes, referrals, ann, bob, summer):
    code = await codes.add(a_new_code(ann, program=summer))

    await referrals.add(a_referral(bob.id, code))

    assert (await codes.by_text(code.text)).uses == 1


async def test_codes_are_listed_newest_first_by_cursor_without_retired_ones(
    codes, ann, bob, summer
):
    old = await codes.add(a_new_code(ann, "OLD-2030", days=1))
    gone = await codes.add(a_new_code(ann, "GONE-2030", program=summer))
    await codes.retire(gone.retire(NOW))
    await codes.add(a_new_code(bob, "BOBS-2030"))
    new = await codes.add(a_new_code(ann, "NEW-2030", issued_at=NOW + timedelta(days=1)))

    first = await codes.newest_of(ann.id, ListRequest(limit=1))
    rest = await codes.newest_of(ann.id, ListRequest(limit=1, cursor=first.next_cursor))

    assert ([*first.items], [*rest.items], rest.next_cursor) == ([new], [old], None)
    past = await codes.newest_of(ann.id, ListRequest(cursor=MAX_POSITION))
    assert [*past.items] == [new, old]


async def test_a_code_tells_how_long_after_enrolment_people_are_referred_with_it(
    codes, programs, ann, summer
):
    terms = Terms(
        attach_within_days=3, qualification=Qualification(event="purchase", within_days=90)
    )
    await programs.add_terms(Slug("summer"), terms, LATER)
    in_force = await programs.in_force(Slug("summer"))
    code = await codes.add(a_new_code(ann, program=in_force))

    assert code.program.attach_within_days == 3
    found = (await codes.by_text(code.text)).program
    assert (found.attach_within_days, found.qualifies_within_days) == (3, 90)

"""Programs are drafted, shown, changed and given new terms, by those who may."""

from datetime import timedelta

import pytest

from examples import NOW
from referral.domain.access.caller import Caller, Scope
from referral.domain.access.errors import MissingScope
from referral.domain.errors import InvalidInput
from referral.domain.programs.errors import (
    ProgramNotFound,
    SlugTaken,
    StatusNotReachable,
    TermsNotFound,
)
from referral.domain.programs.program import ProgramStatus
from referral.domain.programs.terms import Terms

PURCHASE = {"qualification": {"event": "purchase"}}
READER = Caller(scopes=frozenset({Scope.PROGRAMS_READ}))
NOBODY = Caller()


@pytest.fixture
def draft(create_program):
    async def draft(slug="summer", **more):
        return await create_program(**{"slug": slug, "name": "Summer", "terms": PURCHASE, **more})

    return draft


def told(refusal) -> dict[str, str]:
    return {v.field: v.detail for v in refusal.value.violations}


async def test_a_program_begins_as_a_draft_with_its_first_terms(draft, show_program):
    made = await draft(
        starts_at="2030-06-01 00:00",
        ends_at=NOW + timedelta(days=365),
        landing_url="https://shop.example.org",
    )

    program = made.program
    assert (program.slug.value, program.name, program.status) == ("summer", "Summer", "draft")
    assert (program.starts_at, program.ends_at) == (NOW.replace(month=6), NOW + timedelta(days=365))
    assert (program.landing_url, program.created_at) == ("https://shop.example.org", NOW)
    assert (program.terms_version, made.terms) == (1, Terms.parse(PURCHASE))
    assert await show_program(slug="summer") == made


async def test_a_slug_is_one_programs(draft):
    await draft()

    with pytest.raises(SlugTaken):
        await draft()


async def test_a_program_that_is_wrong_is_told_so_whole_and_not_made(draft, list_programs):
    with pytest.raises(InvalidInput) as refusal:
        await draft(
            slug="Summer",
            name="",
            terms={"hold_days": -1},
            starts_at="tomorrow",
            ends_at="never",
            landing_url="shop",
        )

    assert told(refusal).keys() == {
        *("slug", "name", "terms/hold_days"),
        *("starts_at", "ends_at", "landing_url"),
    }
    assert len((await list_programs()).items) == 1


async def test_a_program_ends_after_it_starts(draft):
    with pytest.raises(InvalidInput) as refusal:
        await draft(starts_at=NOW, ends_at=NOW)

    assert told(refusal) == {"ends_at": "A program ends after it starts."}


async def test_programs_are_listed_newest_first_a_page_at_a_time(draft, list_programs):
    for slug in ("one", "two", "three"):
        await draft(slug)

    first = await list_programs(limit=2)
    rest = await list_programs(limit=2, cursor=first.next_cursor)

    assert [p.slug.value for p in (*first.items, *rest.items)] == ["three", "two", "one", "default"]
    assert rest.next_cursor is None


async def test_what_is_named_is_changed_and_nothing_else(draft, change_program, show_program):
    await draft(starts_at=NOW, landing_url="https://shop.example.org")

    changed = await change_program(
        slug="summer", name="Autumn", status="active", ends_at="2031-01-01 00:00"
    )

    shown = (await show_program(slug="summer")).program
    assert shown == changed
    assert (shown.name, shown.status) == ("Autumn", ProgramStatus.ACTIVE)
    assert (shown.starts_at, shown.ends_at) == (NOW, NOW.replace(year=2031))
    assert shown.landing_url == "https://shop.example.org"


async def test_what_is_none_is_taken_away(draft, change_program):
    await draft(starts_at=NOW, ends_at=NOW + timedelta(days=1), landing_url="https://a.b")

    changed = await change_program(slug="summer", starts_at=None, ends_at=None, landing_url=None)

    assert (changed.starts_at, changed.ends_at, changed.landing_url) == (None, None, None)


async def test_a_landing_page_is_changed(draft, change_program):
    await draft()

    assert (
        await change_program(slug="summer", landing_url="https://a.b")
    ).landing_url == "https://a.b"


async def test_a_change_that_is_wrong_is_told_so_whole_and_not_made(
    draft, change_program, show_program
):
    before = await draft()

    with pytest.raises(InvalidInput) as refusal:
        await change_program(
            slug="summer", name="", status="open", starts_at="x", ends_at="y", landing_url="z"
        )

    assert told(refusal).keys() == {"name", "status", "starts_at", "ends_at", "landing_url"}
    assert await show_program(slug="summer") == before


async def test_a_changed_end_is_after_the_start_that_is_there(draft, change_program):
    await draft(starts_at=NOW)

    with pytest.raises(InvalidInput) as refusal:
        await change_program(slug="summer", ends_at=NOW)

    assert told(refusal) == {"ends_at": "A program ends after it starts."}


async def test_a_step_that_cannot_be_taken_changes_nothing(draft, change_program, show_program):
    before = await draft()

    with pytest.raises(StatusNotReachable):
        await change_program(slug="summer", name="Autumn", status="ended")

    assert await show_program(slug="summer") == before


async def test_new_terms_are_the_next_version_and_in_force(draft, add_terms, show_program, clock):
    await draft()
    clock.advance(days=1)

    kept = await add_terms(slug="summer", terms={})

    assert (kept.version, kept.terms, kept.created_at) == (2, Terms(), clock.now())
    shown = await show_program(slug="summer")
    assert (shown.program.terms_version, shown.terms) == (2, Terms())


async def test_every_version_stays(draft, add_terms, show_terms):
    await draft()
    await add_terms(slug="summer", terms={})

    assert (await show_terms(slug="summer", version=1)).terms == Terms.parse(PURCHASE)
    assert (await show_terms(slug="summer", version=2)).terms == Terms()


async def test_bad_terms_are_no_version(draft, add_terms, show_program):
    before = await draft()

    with pytest.raises(InvalidInput) as refusal:
        await add_terms(slug="summer", terms={"hold_days": -1})

    assert told(refusal).keys() == {"hold_days"}
    assert await show_program(slug="summer") == before


@pytest.mark.parametrize("version", [-1, 0, 2, 2**31, 2**63])
async def test_a_version_that_is_not_there_is_not_found(draft, show_terms, version):
    await draft()

    with pytest.raises(TermsNotFound):
        await show_terms(slug="summer", version=version)


@pytest.mark.parametrize("slug", ["winter", "No slug"])
async def test_a_program_that_is_not_there_is_not_found(
    show_program, change_program, add_terms, show_terms, slug
):
    for call in (
        show_program(slug=slug),
        change_program(slug=slug),
        add_terms(slug=slug, terms={}),
        show_terms(slug=slug, version=1),
    ):
        with pytest.raises(ProgramNotFound):
            await call


async def test_who_may_read_programs_reads_them(show_program, list_programs, show_terms):
    assert (await show_program(slug="default", caller=READER)).program.terms_version == 1
    assert (await show_terms(slug="default", version=1, caller=READER)).terms == Terms()
    assert len((await list_programs(caller=READER)).items) == 1


async def test_who_may_only_read_them_changes_none(create_program, change_program, add_terms):
    for call in (
        create_program(slug="summer", name="Summer", terms={}, caller=READER),
        change_program(slug="default", name="Other", caller=READER),
        add_terms(slug="default", terms={}, caller=READER),
    ):
        with pytest.raises(MissingScope) as refusal:
            await call
        assert refusal.value.scope == Scope.PROGRAMS_WRITE


async def test_who_may_not_read_them_is_told_which_scope_it_needs(
    show_program, list_programs, show_terms
):
    for call in (
        show_program(slug="default", caller=NOBODY),
        show_terms(slug="default", version=1, caller=NOBODY),
        list_programs(caller=NOBODY),
    ):
        with pytest.raises(MissingScope) as refusal:
            await call
        assert refusal.value.scope == Scope.PROGRAMS_READ


async def test_what_is_done_to_programs_is_recorded(draft, change_program, add_terms, audit_log):
    await draft()
    await change_program(slug="summer", name="Autumn")
    await add_terms(slug="summer", terms={})
    with pytest.raises(SlugTaken):
        await draft()

    assert audit_log.deeds == [
        {"action": "create-program", "program": "summer", "outcome": "done"},
        {"action": "change-program", "program": "summer", "outcome": "done"},
        {"action": "add-terms", "program": "summer", "outcome": "done"},
        {"action": "create-program", "program": "summer", "outcome": "slug-taken"},
    ]

from dataclasses import replace
from datetime import timedelta

import pytest

from concurrency import outcomes_of
from examples import DEFAULT_PROGRAM, NOW
from referral.application.pages import ListRequest
from referral.domain.programs.errors import ProgramNotFound, SlugTaken, TermsNotFound
from referral.domain.programs.program import DEFAULT, NewProgram, ProgramStatus, Slug
from referral.domain.programs.reward_rules import RewardRule, Side
from referral.domain.programs.terms import Terms, TermsVersion
from referral.entrypoints.http.openapi.terms import EXAMPLE

LATER = NOW + timedelta(days=1)
TERMS = Terms.parse(EXAMPLE)
SUMMER = NewProgram(
    slug=Slug("summer"),
    name="Summer",
    starts_at=NOW,
    ends_at=LATER,
    landing_url="https://shop.example.org",
    created_at=NOW,
)


async def test_the_default_program_is_there_from_the_beginning(programs):
    default = await programs.in_force(DEFAULT)

    program = default.program
    assert (program.id, program.status, program.terms_version) == (1, "active", 1)
    assert (program.starts_at, program.ends_at, program.landing_url) == (None, None, None)
    assert default.terms == Terms()


async def test_a_stored_program_is_in_force_with_its_first_terms(programs):
    stored = await programs.add(SUMMER, TERMS)

    for name in ("slug", "name", "status", "starts_at", "ends_at", "landing_url", "created_at"):
        assert getattr(stored, name) == getattr(SUMMER, name)
    assert (await programs.in_force(SUMMER.slug)).program == stored
    assert (await programs.in_force(SUMMER.slug)).terms == TERMS
    assert (await programs.terms(SUMMER.slug, TermsVersion(1))).created_at == NOW


async def test_terms_that_are_refused_by_now_are_kept_as_they_were_stored(programs):
    rule = RewardRule(rule="review", to=Side.REFERRER, amount=1, unit="EUR")
    terms = Terms(rewards=(rule,))
    await programs.add(SUMMER, terms)

    assert (await programs.in_force(SUMMER.slug)).terms == terms


async def test_a_slug_is_given_once(programs):
    stored = await programs.add(SUMMER, TERMS)

    with pytest.raises(SlugTaken):
        await programs.add(replace(SUMMER, name="Another"), Terms())

    assert (await programs.in_force(SUMMER.slug)).program == stored


async def test_of_twenty_who_take_one_slug_at_once_one_gets_it(programs):
    outcomes = await outcomes_of(programs.add(SUMMER, TERMS) for _ in range(20))

    assert outcomes == {"done": 1, "SlugTaken": 19}


async def test_what_was_changed_is_stored_and_has_another_revision(programs, store):
    stored = await programs.add(SUMMER, TERMS)

    async with store.begin() as tx:
        locked = await tx.programs.lock(SUMMER.slug)
        changed = replace(
            locked,
            name="Autumn",
            status=ProgramStatus.ACTIVE,
            starts_at=None,
            ends_at=LATER + timedelta(days=1),
            landing_url=None,
        )
        saved = await tx.programs.save(changed)

    assert locked == stored
    assert saved == replace(changed, revision=saved.revision)
    assert saved.revision != stored.revision
    assert (await programs.in_force(SUMMER.slug)).program == saved


async def test_new_terms_are_in_force_and_the_old_ones_stay(programs):
    stored = await programs.add(SUMMER, TERMS)

    kept = await programs.add_terms(SUMMER.slug, Terms(), LATER)

    assert (kept.version, kept.terms, kept.created_at) == (2, Terms(), LATER)
    in_force = await programs.in_force(SUMMER.slug)
    assert in_force.terms == Terms()
    assert in_force.program == replace(
        stored, terms_version=TermsVersion(2), revision=in_force.program.revision
    )
    assert in_force.program.revision != stored.revision
    assert (await programs.terms(SUMMER.slug, TermsVersion(1))).terms == TERMS
    assert await programs.terms(SUMMER.slug, TermsVersion(2)) == kept


async def test_of_twenty_new_versions_at_once_each_has_the_next_number(programs):
    outcomes = await outcomes_of(programs.add_terms(DEFAULT, Terms(), NOW) for _ in range(20))

    assert outcomes == {"done": 20}
    assert (await programs.in_force(DEFAULT)).program.terms_version == 21
    for version in range(1, 22):
        assert (await programs.terms(DEFAULT, TermsVersion(version))).version == version


async def test_a_save_does_not_undo_terms_that_were_added_meanwhile(programs, store):
    stored = await programs.add(SUMMER, TERMS)
    await programs.add_terms(SUMMER.slug, Terms(), LATER)

    async with store.begin() as tx:
        await tx.programs.save(replace(stored, name="Autumn"))

    assert (await programs.in_force(SUMMER.slug)).program.terms_version == 2


async def test_a_version_that_is_not_there_is_not_found(programs):
    with pytest.raises(TermsNotFound):
        await programs.terms(DEFAULT, TermsVersion(2))


async def test_a_program_that_is_not_there_is_not_found(programs, store):
    slug = Slug("winter")

    with pytest.raises(ProgramNotFound):
        await programs.in_force(slug)
    with pytest.raises(ProgramNotFound):
        await programs.terms(slug, TermsVersion(1))
    with pytest.raises(ProgramNotFound):
        await programs.add_terms(slug, Terms(), NOW)
    with pytest.raises(ProgramNotFound):
        async with store.begin() as tx:
            await tx.programs.lock(slug)


async def test_programs_are_listed_newest_first(programs):
    for n in range(4):
        await programs.add(replace(SUMMER, slug=Slug(f"summer-{n}")), TERMS)

    walked, cursor = [], None
    while True:
        page = await programs.page_of(ListRequest(limit=2, cursor=cursor))
        walked.append([program.slug.value for program in page.items])
        cursor = page.next_cursor
        if cursor is None:
            break

    assert walked == [["summer-3", "summer-2"], ["summer-1", "summer-0"], ["default"]]


async def test_a_cursor_that_is_past_every_program_shows_the_first(programs):
    page = await programs.page_of(ListRequest(cursor=2**128 - 1))

    assert [program.slug for program in page.items] == [DEFAULT_PROGRAM.program.slug]

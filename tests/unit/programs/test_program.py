from dataclasses import replace
from datetime import timedelta

import pytest

from examples import DEFAULT_PROGRAM, NOW
from referral.domain.errors import InvalidInput
from referral.domain.programs.errors import StatusNotReachable
from referral.domain.programs.program import (
    ProgramStatus,
    Slug,
    ensure_ends_later,
    landing_url,
    program_name,
)
from referral.domain.programs.terms import Qualification, Terms

A_MOMENT = timedelta(microseconds=1)
DRAFT, ACTIVE, PAUSED, ENDED = ProgramStatus

SUMMER = replace(DEFAULT_PROGRAM.program, slug=Slug("summer"))


@pytest.mark.parametrize("raw", ["a", "summer", "summer-2030", "2030", "a" * 50])
def test_a_slug_is_1_to_50_of_small_letters_and_digits_with_single_dashes_inside(raw):
    assert Slug.parse(raw).value == raw


@pytest.mark.parametrize(
    "raw", ["", "Summer", "-a", "a-", "a--b", "a b", "a\n", "é", "a/b", "a" * 51]
)
def test_anything_else_is_no_slug(raw):
    with pytest.raises(InvalidInput, match="A slug is"):
        Slug.parse(raw)


@pytest.mark.parametrize("raw", ["S", "Summer of friends", "夏", "x" * 100])
def test_a_name_is_1_to_100_printable_characters(raw):
    assert program_name(raw) == raw


@pytest.mark.parametrize("raw", ["", " ", " a", "a ", "a\nb", "a\0", "\ud800", "x" * 101])
def test_anything_else_is_no_name(raw):
    with pytest.raises(InvalidInput, match="A name is"):
        program_name(raw)


@pytest.mark.parametrize(
    "raw",
    ["https://shop.example.org", "http://localhost:8000/a?b=c#d", f"https://a.b/{'x' * 1988}"],
)
def test_a_landing_page_has_an_address_of_the_web(raw):
    assert landing_url(raw) == raw


@pytest.mark.parametrize(
    "raw",
    ["", "shop", "ftp://a.b", "javascript:alert(1)", "https://", "https://a b", "https://u:p@a.b",
     "https://a.b/\n", "https://a.b/é", "HTTPS://a.b", f"https://a.b/{'x' * 1989}"],
)  # fmt: skip
def test_anything_else_is_no_landing_page(raw):
    with pytest.raises(InvalidInput, match="landing page"):
        landing_url(raw)


@pytest.mark.parametrize(
    ("before", "after"),
    [(DRAFT, ACTIVE), (ACTIVE, PAUSED), (ACTIVE, ENDED), (PAUSED, ACTIVE), (PAUSED, ENDED)],
)
def test_a_program_goes_from_draft_by_active_and_paused_to_its_end(before, after):
    assert replace(SUMMER, status=before).become(after) == replace(SUMMER, status=after)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (DRAFT, PAUSED),
        (DRAFT, ENDED),
        (ACTIVE, DRAFT),
        (PAUSED, DRAFT),
        *[(ENDED, after) for after in (DRAFT, ACTIVE, PAUSED)],
    ],
)
def test_it_does_not_go_back_or_past_a_step(before, after):
    with pytest.raises(StatusNotReachable) as refusal:
        replace(SUMMER, status=before).become(after)
    assert str(refusal.value) == f"No {before} program becomes {after}."


@pytest.mark.parametrize("status", ProgramStatus)
def test_a_program_may_be_what_it_is(status):
    program = replace(SUMMER, status=status)

    assert program.become(status) == program


def test_the_default_program_is_paused_and_does_not_end():
    default = DEFAULT_PROGRAM.program

    assert default.become(PAUSED).status == PAUSED
    with pytest.raises(StatusNotReachable, match="default program"):
        default.become(ENDED)


def test_what_is_no_status_is_told_which_there_are():
    with pytest.raises(InvalidInput, match="draft, active, paused, ended"):
        ProgramStatus.parse("open")
    assert ProgramStatus.parse("ended") == ENDED


@pytest.mark.parametrize("status", ProgramStatus)
def test_only_an_active_program_takes_anyone(status):
    assert replace(SUMMER, status=status).is_open(NOW) == (status == ACTIVE)


def test_a_program_takes_people_from_its_start_until_before_its_end():
    end = NOW + timedelta(days=1)
    summer = replace(SUMMER, starts_at=NOW, ends_at=end)

    assert [summer.is_open(t) for t in (NOW - A_MOMENT, NOW, end - A_MOMENT, end)] == [
        False,
        True,
        True,
        False,
    ]


def test_a_program_ends_after_it_starts():
    with pytest.raises(InvalidInput, match="ends after it starts"):
        ensure_ends_later(NOW, NOW)
    ensure_ends_later(NOW, NOW + A_MOMENT)
    ensure_ends_later(None, NOW)
    ensure_ends_later(NOW, None)


def test_a_code_knows_of_its_program_what_it_has_to():
    dated = replace(SUMMER, starts_at=NOW, ends_at=NOW + A_MOMENT)
    known = replace(DEFAULT_PROGRAM, program=dated).of_code

    assert (known.id, known.slug, known.terms_version) == (dated.id, dated.slug, 1)
    assert (known.status, known.starts_at, known.ends_at) == (ACTIVE, NOW, NOW + A_MOMENT)
    assert known.qualifies_at_sign_up


def test_it_knows_whether_a_sign_up_qualifies():
    terms = Terms(qualification=Qualification(event="purchase"))

    assert not replace(DEFAULT_PROGRAM, terms=terms).of_code.qualifies_at_sign_up


@pytest.mark.parametrize(
    ("plain", "is_judged"),
    [
        ({}, False),
        ({"rewards": [{"rule": "x", "to": "referee", "amount": 1, "unit": "EUR"}]}, True),
        ({"review": {"same_person": "hold"}}, True),
        ({"review": {"same_person": "allow"}}, False),
    ],
)
@pytest.mark.parametrize("event", ["signed_up", "purchase"])
def test_it_knows_whether_a_sign_up_needs_the_terms(event, plain, is_judged):
    terms = Terms.parse({"qualification": {"event": event}, **plain})
    judged = replace(DEFAULT_PROGRAM, terms=terms).of_code.judges_sign_ups

    assert judged == (is_judged and (event == "signed_up" or "review" in plain))

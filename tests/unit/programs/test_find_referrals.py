"""The referrals of all programs, for administrators and servers."""

import pytest

from examples import in_a_week
from referral.application.programs.known_programs import KnownPrograms
from referral.domain.access.caller import Caller
from referral.domain.access.errors import MissingScope
from referral.domain.accounts.errors import ParticipantNotFound
from referral.domain.errors import InvalidInput
from referral.domain.programs.errors import ProgramNotFound


@pytest.fixture
async def referred(
    *,
    create_program,
    change_program,
    enrol_participant,
    issue_participant_code,
    refer_participant,
    clock,
):
    """Rose and Tom bring people to both programs, in one of which a purchase qualifies: those who did, newest first."""
    await create_program(
        slug="summer", name="Summer", terms={"qualification": {"event": "purchase"}}
    )
    await change_program(slug="summer", status="active")
    for referrer in ("rose", "tom"):
        await enrol_participant(external_id=referrer)
        for program in ("default", "summer"):
            code = await issue_participant_code(
                participant=referrer, expires_at=in_a_week(clock), program=program
            )
            name = f"{referrer}-{program}"
            await enrol_participant(external_id=name)
            clock.advance(minutes=1)
            await refer_participant(code=code.text.value, participant=name)


@pytest.mark.usefixtures("referred")
@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        ({}, ["tom-summer", "tom-default", "rose-summer", "rose-default"]),
        ({"program": "summer"}, ["tom-summer", "rose-summer"]),
        ({"referrer": "rose"}, ["rose-summer", "rose-default"]),
        ({"status": "qualified"}, ["tom-default", "rose-default"]),
        ({"status": "rejected"}, []),
        ({"program": "summer", "status": "qualified"}, []),
        ({"program": "summer", "referrer": "tom", "status": "signed_up"}, ["tom-summer"]),
    ],
    ids=str,
)
async def test_those_are_found_of_which_all_is_true_that_is_asked_for(
    find_referrals, wanted, names
):
    page = await find_referrals(**wanted)

    assert [named.referee for named in page.items] == names


@pytest.mark.usefixtures("referred")
async def test_a_list_is_walked_by_cursor(find_referrals):
    names, cursor = [], None
    for _ in range(2):
        page = await find_referrals(limit=2, cursor=cursor)
        names += [named.referee for named in page.items]
        cursor = page.next_cursor

    assert names == ["tom-summer", "tom-default", "rose-summer", "rose-default"]
    assert cursor is None


@pytest.mark.parametrize(
    ("wanted", "refusal"),
    [
        ({"program": "winter"}, ProgramNotFound),
        ({"program": "No slug"}, ProgramNotFound),
        ({"referrer": "nobody"}, ParticipantNotFound),
        ({"limit": 0}, InvalidInput),
        ({"caller": Caller()}, MissingScope),
    ],
    ids=str,
)
async def test_what_cannot_be_asked_for_is_refused(find_referrals, wanted, refusal):
    with pytest.raises(refusal):
        await find_referrals(**wanted)


async def test_a_status_that_there_is_not_is_told_with_those_there_are(find_referrals):
    with pytest.raises(InvalidInput) as refusal:
        await find_referrals(status="done")

    [violation] = refusal.value.violations
    assert (violation.field, violation.detail) == (
        "status",
        "A status is one of signed_up, qualified, rejected, expired.",
    )


async def test_which_program_a_slug_names_stays_known(container):
    known_programs = container.get(KnownPrograms)

    first = await known_programs.id_of("default")

    assert await known_programs.id_of("default") == first

"""What a serving process does on the side goes on, whatever happens to it."""

import asyncio
from datetime import timedelta

import pytest

from databases import execute, query
from operators import operate
from people import FAR
from referral.domain.errors import DatabaseUnavailable, OutcomeUnknown
from referral.entrypoints.worker import working
from servers import eventually, running


@pytest.mark.parametrize("error", [DatabaseUnavailable, OutcomeUnknown, ValueError])
async def test_a_chore_that_fails_is_done_again_and_none_waits_for_another(error):
    done = asyncio.Event()
    failures = [error()]

    async def failing():
        if failures:
            raise failures.pop()
        done.set()

    async with asyncio.timeout(5), working([(0, asyncio.Event().wait), (0, failing)]):
        await done.wait()


async def test_no_chore_goes_on_after_the_block():
    began, ended = asyncio.Event(), asyncio.Event()

    async def chore():
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with asyncio.timeout(5), working([(0, chore)]):
        await began.wait()

    assert ended.is_set()


def test_referrals_that_are_overdue_expire_while_a_server_runs(databases, tmp_path):
    with databases.migrated() as url:
        referees = operate(url, refer_three)
        execute(
            url,
            f"UPDATE referrals SET qualifies_until = now() - '1 s'::interval WHERE referee_id <> '{referees[0]}'",
        )

        with running(tmp_path, url, workers=2):
            eventually(
                lambda: (
                    statuses(url)
                    == {referees[0]: "signed_up"} | dict.fromkeys(referees[1:], "expired")
                )
            )


async def refer_three(referral):
    """The ids of three people who have some days to buy something."""
    terms = {"qualification": {"event": "purchase", "within_days": 3}}
    await referral.programs.create_program(slug="launch", name="Launch", terms=terms)
    await referral.programs.change_program(slug="launch", status="active")
    await referral.accounts.enrol_participant(external_id="rose")
    code = await referral.programs.issue_participant_code(
        participant="rose", expires_at=FAR, program="launch"
    )
    referees = []
    for name in ("ann", "bob", "carl"):
        await referral.accounts.enrol_participant(external_id=name)
        made, _ = await referral.programs.refer_participant(code=code.text.value, participant=name)
        assert made.referral.qualifies_until - made.referral.created_at == timedelta(days=3)
        referees.append(made.referral.referee_id)
    return referees


def statuses(url):
    return dict(query(url, "SELECT referee_id, status FROM referrals"))

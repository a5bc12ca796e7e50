"""What a serving process does on the side goes on, whatever happens to it."""

import asyncio
from datetime import timedelta

import pytest

from databases import execute, query
from operators import operate
from people import FAR
from referral.domain.errors import DatabaseUnavailable, OutcomeUnknown
from referral.entrypoints import worker
from referral.entrypoints.worker import delivering, working
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


class Sending:
    """Stands for the use cases: counts how often somebody looks for what is due, and gives this work once."""

    def __init__(self, *work):
        self.webhooks, self.work, self.looks = self, [*work], asyncio.Semaphore(0)

    async def deliver_messages(self, note):
        self.looks.release()
        work, self.work = self.work, []
        return work


@pytest.fixture
def never_polling(monkeypatch):
    monkeypatch.setattr(worker, "POLL_SECONDS", 3600)


@pytest.mark.usefixtures("never_polling")
async def test_what_is_due_is_looked_for_as_soon_as_something_was_told_and_when_a_lane_has_ended():
    told, goes_on = asyncio.Event(), asyncio.Event()
    sending = Sending(goes_on.wait())

    async with asyncio.timeout(5), delivering(sending, told, print):
        told.set()
        await sending.looks.acquire()
        assert not told.is_set()
        goes_on.set()
        await sending.looks.acquire()
        await asyncio.sleep(2 * worker.BREATH_SECONDS)

        assert sending.looks.locked()  # nobody has looked a third time


@pytest.mark.parametrize("turns", range(5))
@pytest.mark.usefixtures("never_polling")
async def test_f03_a_stop_is_heeded_just_when_something_was_told(turns):
    told = asyncio.Event()

    async with asyncio.timeout(2), delivering(Sending(), told, print):
        await asyncio.sleep(0.01)
        told.set()
        for _ in range(turns):
            await asyncio.sleep(0)


async def test_what_is_due_is_looked_for_now_and_then_anyhow(monkeypatch):
    monkeypatch.setattr(worker, "POLL_SECONDS", 0.01)
    sending = Sending()

    async with asyncio.timeout(5), delivering(sending, asyncio.Event(), print):
        for _ in range(3):
            await sending.looks.acquire()


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

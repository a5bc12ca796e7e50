"""Who waits for a row holds none that its holder asks for next: what happens to rewards locks in one order."""

import asyncio

import asyncpg
import pytest

from people import FAR
from referral.entrypoints.bootstrap.container import open_use_cases
from referral.entrypoints.bootstrap.settings import Settings
from servers import SECRET

TERMS = {
    "qualification": {"event": "purchase"},
    "rewards": [
        {"rule": "thanks", "to": "referrer", "amount": 1000, "unit": "EUR"},
        {"rule": "welcome", "to": "referee", "amount": 500, "unit": "EUR"},
    ],
    "caps": {"budget": [{"unit": "EUR", "amount": 10_000}]},
    "review": {"same_person": "hold"},
}
WAITING = """
    SELECT count(*) = 1 FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'referral' AND wait_event_type = 'Lock'
"""
OF = "FROM balances WHERE beneficiary_id = (SELECT id FROM users WHERE external_id = '{}')"


@pytest.fixture
async def rewards(empty_database_url):
    """The use cases of rewards; Ann brought Bob, who was paid for it, and Cleo, who is held."""
    settings = Settings(database_url=empty_database_url, secret=SECRET, bcrypt_cost=4)
    async with open_use_cases(settings) as referral:
        await referral.programs.create_program(slug="launch", name="Launch", terms=TERMS)
        await referral.programs.change_program(slug="launch", status="active")
        for name, email in {"ann": "ann@gmail.com", "bob": None, "cleo": "a.nn@gmail.com"}.items():
            await referral.accounts.enrol_participant(external_id=name, email=email)
        code = await referral.programs.issue_participant_code(
            participant="ann", expires_at=FAR, program="launch"
        )
        for name in ("bob", "cleo"):
            await referral.programs.refer_participant(code=code.text.value, participant=name)
            await referral.rewards.record_event(
                id=name, type="purchase", participant=name, amount=1000, unit="EUR"
            )
        await referral.rewards.make_payout(reference="bob", unit="EUR", participant="bob")
        yield referral.rewards


@pytest.fixture
async def other(empty_database_url):
    """Someone else's connection."""
    connection = await asyncpg.connect(empty_database_url)
    yield connection
    await connection.close()


async def pay(rewards):
    await rewards.make_payout(reference="ann", unit="EUR", participant="ann")


async def refund(rewards):
    await rewards.record_event(id="refund", type="refund", of="bob")


async def reject_a_reward(rewards):
    [reward] = (await rewards.find_rewards(participant="ann", status="approved")).items
    await rewards.decide_reward(reward_id=reward.reward.id, verdict="reject", reason="A fake.")


async def reject_a_referral(rewards):
    [review] = (await rewards.find_reviews()).items
    await rewards.decide_review(
        referral_id=review.named.referral.referee_id, verdict="reject", reason="A fake."
    )


@pytest.mark.parametrize(
    ("call", "first", "later"),
    [
        (pay, "FROM rewards", "FROM users"),
        (refund, OF.format("ann"), OF.format("bob")),
        (reject_a_reward, "FROM budgets", "FROM balances"),
        (reject_a_referral, "FROM users WHERE external_id = 'ann'", "FROM balances"),
    ],
)
async def test_what_comes_later_is_free_while_the_first_is_waited_for(
    rewards, other, call, first, later
):
    async with other.transaction():
        await other.execute(f"SELECT {first} FOR NO KEY UPDATE")
        calling = asyncio.create_task(call(rewards))
        async with asyncio.timeout(1):
            while not await other.fetchval(WAITING):
                await other.execute("SELECT pg_stat_clear_snapshot()")
        await other.execute(f"SELECT {later} FOR NO KEY UPDATE NOWAIT")
    await calling

"""The ledger is proved: what someone changed behind the service's back is found."""

import pytest
from click.testing import CliRunner

from databases import execute, query
from operators import operate
from people import FAR
from referral.entrypoints.cli.main import referral as command_line
from servers import SECRET

TERMS = {
    "qualification": {"event": "purchase"},
    "rewards": [
        {"rule": "thanks", "to": "referrer", "amount": 1000, "unit": "EUR"},
        {"rule": "share", "to": "referrer", "basis_points": 1000, "unit": "EUR"},
        {"rule": "gold", "to": "referrer", "amount": 50, "unit": "points", "at_qualified": 2},
    ],
    "caps": {"budget": [{"unit": "EUR", "amount": 10_000}]},
}


async def play(referral):
    """Two referrals that qualify, a refund, a payout, and a refund after it."""
    await referral.programs.create_program(slug="launch", name="Launch", terms=TERMS)
    await referral.programs.change_program(slug="launch", status="active")
    for name in ("ann", "bob", "cleo"):
        await referral.accounts.enrol_participant(external_id=name)
    code = await referral.programs.issue_participant_code(
        participant="ann", expires_at=FAR, program="launch"
    )
    record = referral.rewards.record_event
    for name in ("bob", "cleo"):
        await referral.programs.refer_participant(code=code.text.value, participant=name)
        await record(id=name, type="purchase", participant=name, amount=1000, unit="EUR")
    await record(id="r1", type="refund", of="bob", amount=500, unit="EUR")
    await referral.rewards.make_payout(reference="first", unit="EUR", participant="ann")
    await record(id="r2", type="refund", of="bob", amount=100, unit="EUR")


@pytest.fixture
def database(databases):
    """One of its own, for some of what is done to it stays."""
    with databases.migrated() as url:
        operate(url, play)
        yield url


@pytest.fixture
def verify(database, monkeypatch):
    """The exit status of `referral ledger verify`, and the lines of what is wrong."""
    monkeypatch.setenv("REFERRAL_DATABASE_URL", database)
    monkeypatch.setenv("REFERRAL_SECRET", SECRET)

    def verify():
        result = CliRunner().invoke(command_line, ["ledger", "verify"])
        wrong = [line for line in result.stderr.splitlines() if "has to be" in line]
        return result.exit_code, wrong

    return verify


def test_what_the_service_wrote_is_right(verify):
    assert verify() == (0, [])


BEHIND = "SET session_replication_role = replica"  # triggers sleep
GOLD = "(SELECT id FROM rewards WHERE rule = 'gold')"
THANKS = "(SELECT id FROM rewards WHERE rule = 'thanks' ORDER BY id LIMIT 1)"


@pytest.mark.parametrize(
    ("deed", "told"),
    [
        (
            (
                "DROP INDEX uq_rewards_event;"
                "INSERT INTO rewards SELECT gen_random_uuid(), referral_id, program_id, terms_version,"
                " rule, side, beneficiary_id, amount, unit, 'approved', created_at, due_at, cause,"
                " shared, milestone, recovers, false, NULL"
                f" FROM rewards WHERE id = {THANKS};"
            ),
            "What the rule thanks gave for the referral",
        ),
        (
            (
                f"UPDATE ledger_entries SET amount = amount + 1 WHERE reward_id = {THANKS}"
                " AND account = 'paid';"
            ),
            "in the account paid",
        ),
        (
            "UPDATE rewards SET amount = amount - 10 WHERE rule = 'share' AND amount > 50;",
            "What the rule share and the event",
        ),
        ("UPDATE balances SET paid = paid + 1 WHERE unit = 'EUR';", "The balance paid of"),
        ("UPDATE balances SET recoverable = 0;", "The balance recoverable of"),
        ("DELETE FROM balances WHERE unit = 'points';", "The balance available of"),
        ("UPDATE budgets SET spent = 0;", "What is spent of the budget of the program 2 in EUR"),
        ("UPDATE payouts SET amount = amount + 1;", "The payout first"),
        (
            (
                "UPDATE referrals SET status = 'signed_up', qualified_at = NULL"
                " WHERE referee_id = (SELECT max(referee_id::text)::uuid FROM referrals);"
            ),
            "The status of the referral",
        ),
        (
            (
                "UPDATE referrals SET status = 'signed_up', qualified_at = NULL"
                " WHERE referee_id = (SELECT max(referee_id::text)::uuid FROM referrals);"
            ),
            "What the milestone gold gave to",
        ),
        (
            (
                f"DELETE FROM ledger_entries WHERE reward_id = {THANKS};"
                f"DELETE FROM rewards WHERE id = {THANKS};"
            ),
            "What the rule thanks gave for the referral",
        ),
        ("UPDATE rewards SET unit = 'USD' WHERE rule = 'gold';", "The unit of the reward"),
        ("UPDATE rewards SET side = 'referee' WHERE rule = 'gold';", "The side of the reward"),
        (
            "UPDATE rewards SET beneficiary_id = referral_id WHERE rule = 'share';",
            "The beneficiary of the reward",
        ),
        ("UPDATE rewards SET amount = 51 WHERE rule = 'gold';", "The amount of the reward"),
        (
            (
                f"DELETE FROM ledger_entries WHERE reward_id = {GOLD};"
                f"DELETE FROM rewards WHERE id = {GOLD};"
            ),
            "What the milestone gold gave to",
        ),
        (
            # Both purchases are the cause of a recovery of it.
            (
                "INSERT INTO rewards SELECT gen_random_uuid(), referral_id, program_id, terms_version,"
                " rule, side, beneficiary_id, -r.amount, r.unit, 'approved', created_at, due_at, number,"
                " shared, milestone, r.id, false, NULL FROM rewards AS r, events AS e"
                " WHERE rule = 'gold' AND e.id IN ('bob', 'cleo');"
            ),
            "What the milestone gold gave to",
        ),
    ],
)
def test_what_is_changed_behind_its_back_is_found_and_named(verify, database, deed, told):
    *before, last = deed.removesuffix(";").split(";")
    query(database, last, [BEHIND, *before])

    status, wrong = verify()

    assert status == 1
    assert any(told in line for line in wrong), wrong


async def reach_milestones(referral):
    """Reach a second qualified referral, which gives nothing: no budget, rejected by hand, or made under other terms."""
    gold = {"rule": "gold", "to": "referrer", "amount": 50, "unit": "points", "at_qualified": 2}
    rich = {"qualification": {"event": "purchase"}, "rewards": [gold]}
    poor = {**rich, "caps": {"budget": [{"unit": "points", "amount": 49}]}}
    bare = {"qualification": {"event": "purchase"}}
    for program, versions in (
        ("refused", (poor, poor)),
        ("rejected", (rich, rich)),
        ("passed", (rich, bare, rich)),
    ):
        await referral.programs.create_program(slug=program, name=program, terms=versions[0])
        await referral.programs.change_program(slug=program, status="active")
        await referral.accounts.enrol_participant(external_id=f"ann-{program}")
        code = await referral.programs.issue_participant_code(
            participant=f"ann-{program}", expires_at=FAR, program=program
        )
        for number, terms in enumerate(versions):
            await referral.programs.add_terms(slug=program, terms=terms)
            name = f"{program}-{number}"
            await referral.accounts.enrol_participant(external_id=name)
            await referral.programs.refer_participant(code=code.text.value, participant=name)
            await referral.rewards.record_event(id=name, type="purchase", participant=name)
    [rejected] = (await referral.rewards.find_rewards(program="rejected")).items
    await referral.rewards.decide_reward(
        reward_id=rejected.reward.id, verdict="reject", reason="a guess"
    )


def test_a_milestone_that_was_refused_or_passed_by_is_not_missing(verify, database):
    operate(database, reach_milestones)

    assert verify() == (0, [])


@pytest.mark.parametrize(
    ("deed", "refusal"),
    [
        ("UPDATE ledger_entries SET amount = 1", "UPDATE of ledger_entries is refused"),
        ("DELETE FROM ledger_entries", "DELETE of ledger_entries is refused"),
        ("UPDATE decisions SET rule = 'x'", "UPDATE of decisions is refused"),
        ("DELETE FROM decisions", "DELETE of decisions is refused"),
        (
            (
                "INSERT INTO ledger_entries (at, reward_id, account, amount, unit, cause)"
                " SELECT now(), id, 'paid', 1, 'EUR', 'theft' FROM rewards LIMIT 1"
            ),
            "do not come to nothing",
        ),
        (
            (
                "INSERT INTO rewards SELECT gen_random_uuid(), referral_id, program_id, terms_version,"
                " rule, side, beneficiary_id, amount, unit, 'approved', created_at, due_at, cause,"
                " shared, milestone, recovers, false, NULL FROM rewards WHERE rule = 'thanks' LIMIT 1"
            ),
            "uq_rewards_event",
        ),
        ("UPDATE balances SET paid = -1", "ck_balances_paid"),
    ],
)
def test_the_database_refuses_what_the_service_never_does(database, deed, refusal):
    before = query(database, "SELECT count(*), sum(amount) FROM ledger_entries")

    with pytest.raises(Exception, match=refusal):
        execute(database, deed)

    assert query(database, "SELECT count(*), sum(amount) FROM ledger_entries") == before

"""A demo is a program that is made up, and nothing in it is wrong."""

import json

import pytest
from click.testing import CliRunner

from databases import query
from referral.entrypoints.cli.main import referral as command_line
from servers import SECRET

# Everything but what is drawn anew each time: ids.
CONTENT = [
    "SELECT external_id, username, email, locale, created_at, erased_at IS NULL FROM users ORDER BY created_at",
    "SELECT text, issued_at, expires_at, retired_at FROM referral_codes ORDER BY issued_at",
    "SELECT created_at, terms_version, status, qualified_at, held_reasons FROM referrals ORDER BY created_at",
    "SELECT id, type, amount, unit, refund_of, occurred_at, recorded_at, metadata FROM events ORDER BY number",
    "SELECT rule, side, amount, unit, status, created_at, due_at FROM rewards ORDER BY created_at, rule, amount",
    "SELECT reference, unit, amount, rewards, created_at FROM payouts ORDER BY created_at, reference",
    "SELECT at, rule, outcome, reason FROM decisions ORDER BY at, rule, outcome, reason",
]


def run(url, *arguments):
    environment = {"REFERRAL_DATABASE_URL": url, "REFERRAL_SECRET": SECRET}
    return CliRunner().invoke(command_line, arguments, env=environment)


@pytest.fixture(scope="module")
def database(databases):
    with databases.migrated() as url:
        yield url


@pytest.fixture(scope="module")
def told(database):
    done = run(database, "demo", "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_a_demo_has_some_of_everything_and_the_ledger_is_right(database, told):
    def count(rows):
        [(number,)] = query(database, f"SELECT count(*) FROM {rows}")
        return number

    assert told == {
        "participants": count("users"),
        "codes": count("referral_codes"),
        "referrals": count("referrals"),
        "events": count("events"),
        "refunds": count("events WHERE type = 'refund'"),
        "payouts": count("payouts"),
        "open reviews": count("referrals WHERE held_reasons <> '{}'"),
        "decided reviews": count("decisions WHERE rule = 'review' AND reason = 'by-hand'"),
    }
    assert told["participants"] > 100
    assert all(told.values())
    [(days,)] = query(
        database, "SELECT extract(day FROM max(recorded_at) - min(recorded_at)) FROM events"
    )
    assert days > 80
    for status in ("approved", "held", "paid", "pending", "rejected", "reversed"):
        assert count(f"rewards WHERE status = '{status}'"), status
    assert count("balances WHERE recoverable < 0")
    assert count("users WHERE erased_at IS NOT NULL") == 1
    assert run(database, "ledger", "verify").exit_code == 0


@pytest.mark.usefixtures("told")
def test_only_an_empty_database_is_filled(database):
    before = query(database, "SELECT count(*) FROM events")

    done = run(database, "demo")

    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == "Error: The database is not empty; a demo needs one of its own.\n"
    assert query(database, "SELECT count(*) FROM events") == before


@pytest.mark.usefixtures("told")
def test_a_demo_is_the_same_for_the_same_seed(database, databases):
    with databases.migrated() as again:
        assert run(again, "demo").exit_code == 0
        for rows in CONTENT:
            assert query(again, rows) == query(database, rows)

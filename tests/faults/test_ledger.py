"""The check of what clients were told sees each kind of fault: it can fail."""

import pytest

from databases import execute
from ledger import Ledger
from people import join

UNRETIRED = "UPDATE referral_codes SET retired_at = NULL WHERE text = 'LEDGER-1'"
ONE_MORE = """
    INSERT INTO referral_codes (owner_id, text, issued_at, expires_at)
    SELECT owner_id, 'TWICE', issued_at - interval '1 h', issued_at
    FROM referral_codes WHERE text = 'LEDGER-1'
"""


@pytest.fixture
def ledger(tmp_path):
    ledger = Ledger(tmp_path / "ledger")
    yield ledger
    ledger.close()


@pytest.fixture
def written(client, ledger):
    """A ledger of some writes, all of which are in the database."""
    ann = join(client, username="ann", email="ann@example.org")
    ledger.note("user:ann#1", "acknowledged")
    assert ann.issue(code="LEDGER-1").status_code == 201
    ledger.note("code:LEDGER-1#2", "acknowledged")
    join(client, "LEDGER-1", username="bob", email="bob@example.org")
    ledger.note("user:bob#3", "acknowledged")
    ledger.note("referral:bob#3", "acknowledged")
    assert ann.issue(replace_active=True).status_code == 201
    ledger.note("retired:LEDGER-1#4", "acknowledged")
    ledger.note("issue:ann#4", "acknowledged")
    return ledger


@pytest.fixture
def url(server):
    yield server.database_url
    execute(server.database_url, "TRUNCATE users CASCADE")


def test_what_is_as_clients_were_told_has_no_fault(written, url):
    assert written.faults(url) == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ("DELETE FROM referrals", "lost: referral:bob"),
        (UNRETIRED, "lost: retired:LEDGER-1"),
        (UNRETIRED, "codes of one user that are active together"),
        ("UPDATE users SET referrals_count = 2 WHERE referrals_count = 1", "counted wrongly"),
        ("UPDATE referrals SET number = 2", "counted wrongly"),
        ("UPDATE users SET username = 'carl' WHERE username = 'bob'", "lost: user:bob"),
        (
            ONE_MORE,
            "doubled, or done though refused: issue:ann, 2 instead of 1",
        ),
    ],
)
def test_a_database_that_says_something_else_is_found_out(change, fault, written, url):
    execute(url, "DROP TRIGGER IF EXISTS ex_referral_codes_one_active ON referral_codes")
    execute(url, "DROP TRIGGER IF EXISTS ex_referral_codes_one_active_still ON referral_codes")

    execute(url, change)

    assert any(fault in found for found in written.faults(url)), written.faults(url)


def test_what_was_refused_must_not_be_there(written, url):
    written.note("code:LEDGER-1#2", "refused")

    assert written.faults(url) == ["doubled, or done though refused: code:LEDGER-1, 1 instead of 0"]


@pytest.mark.parametrize("outcome", ["sent", "unknown"])
def test_what_is_not_known_may_be_there_or_not(outcome, written, url):
    written.note("code:LEDGER-1#2", outcome)
    written.note("user:nobody#9", outcome)

    assert written.faults(url) == []

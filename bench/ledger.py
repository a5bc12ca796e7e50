"""`make bench-ledger`: how fast the ledger is proved and terms are tried on what happened, and in how much memory."""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import asyncpg

from bench.data import drop_constraints
from bench.machine import description
from referral.adapters.embedded_postgres import embedded_postgres
from referral.adapters.postgres.migrate import migrate
from referral.domain.programs.terms import Terms
from servers import SECRET

GOAL_EVENTS_A_SECOND = 50_000
GOAL_MEGABYTES = 200
EVENTS = 5  # of each referee
REFEREES = 100  # of each referrer
TERMS = Terms.parse(
    {
        "qualification": {"event": "purchase"},
        "rewards": [
            {"rule": "thanks", "to": "referrer", "amount": 1000, "unit": "EUR"},
            {"rule": "share", "to": "referee", "basis_points": 500, "times": 1, "unit": "EUR"},
        ],
    }
)
DRAFT = {
    "qualification": {"event": "purchase", "min_amount": 1000, "unit": "EUR"},
    "rewards": [
        {"rule": "thanks", "to": "referrer", "amount": 700, "unit": "EUR"},
        {"rule": "share", "to": "referee", "basis_points": 300, "times": 3, "unit": "EUR"},
    ],
}
CAPPED = {
    **DRAFT,
    "caps": {
        "referrer": {"rewards": 50, "per_days": 30},
        "budget": [{"unit": "EUR", "amount": 10**9}],
    },
}

# Referrers have the numbers from 1, after them the referees; rewards are numbered in the same way, elsewhere.
_ID = "('01900000-0000-7{}-8000-' || lpad(to_hex({}), 12, '0'))::uuid"
_REFERRERS = f"($1::bigint / {EVENTS * REFEREES})"
_REFEREE = f"{_REFERRERS} + n"
_REFERRER = f"1 + (n - 1) / {REFEREES}"
_REFEREES = f"generate_series(1, $1::bigint / {EVENTS}) AS n"
_STATEMENTS = [
    f"""
    INSERT INTO users (id, external_id, credentials_version, created_at, referrals_count)
    SELECT {_ID.format("000", "n")}, 'customer-' || n, 1, now() - interval '1 hour',
           CASE WHEN n <= {_REFERRERS} THEN {REFEREES} ELSE 0 END
    FROM generate_series(1, {_REFERRERS} + $1::bigint / {EVENTS}) AS n
    """,  # noqa: S608  our own
    f"""
    INSERT INTO referral_codes (owner_id, text, issued_at, expires_at, program_id, uses)
    SELECT {_ID.format("000", "n")}, 'CODE' || n, now() - interval '1 hour', now() + interval '1 year', 2, {REFEREES}
    FROM generate_series(1, {_REFERRERS}) AS n
    """,  # noqa: S608  our own
    f"""
    INSERT INTO referrals (referrer_id, number, referee_id, code_id, created_at, program_id, status, qualified_at)
    SELECT {_ID.format("000", _REFERRER)}, 1 + (n - 1) % {REFEREES}, {_ID.format("000", _REFEREE)},
           {_REFERRER}, now() - interval '1 hour', 2, 'qualified', now()
    FROM {_REFEREES}
    """,  # noqa: S608  our own
    f"""
    INSERT INTO events (source, id, participant_id, type, amount, unit, occurred_at, recorded_at, metadata, digest)
    SELECT 'key:shop', 'order-' || n || '-' || turn, {_ID.format("000", _REFEREE)}, 'purchase', 2000, 'EUR',
           now() + make_interval(secs => turn), now(), '{{}}', ''
    FROM generate_series(0, {EVENTS - 1}) AS turn, {_REFEREES} ORDER BY turn, n
    """,  # noqa: S608  our own
    f"""
    INSERT INTO rewards (id, referral_id, program_id, terms_version, rule, side, beneficiary_id, amount, unit,
                         status, created_at, due_at, cause, shared, budgeted)
    SELECT {_ID.format("001", "2 * n + turn")}, {_ID.format("000", _REFEREE)}, 2, 1,
           CASE turn WHEN 0 THEN 'thanks' ELSE 'share' END, CASE turn WHEN 0 THEN 'referrer' ELSE 'referee' END,
           CASE turn WHEN 0 THEN {_ID.format("000", _REFERRER)} ELSE {_ID.format("000", _REFEREE)} END,
           CASE turn WHEN 0 THEN 1000 ELSE 100 END, 'EUR', 'approved', now(), now(), n,
           CASE turn WHEN 0 THEN NULL ELSE n END, false
    FROM {_REFEREES}, generate_series(0, 1) AS turn
    """,  # noqa: S608  our own
    """
    INSERT INTO ledger_entries (at, reward_id, account, amount, unit, cause)
    SELECT now(), id, account, CASE account WHEN 'budget' THEN -amount ELSE amount END, unit, 'created'
    FROM rewards, (VALUES ('budget'), ('available')) AS accounts (account) WHERE $1::bigint > 0
    """,
    """
    INSERT INTO balances
    SELECT beneficiary_id, unit, 0, sum(amount), 0, 0 FROM rewards WHERE $1::bigint > 0 GROUP BY 1, 2
    """,
]


async def fill(url: str, events: int) -> None:
    """Everybody bought something five times, and was rewarded the first time."""
    connection = await asyncpg.connect(url)
    await connection.execute(
        "INSERT INTO programs (slug, name, status, terms_version, qualifies_at_sign_up, created_at)"
        " VALUES ('launch', 'Launch', 'active', 1, false, now())"
    )
    await connection.execute(
        "INSERT INTO program_terms VALUES (2, 1, $1, now())", json.dumps(TERMS.plain())
    )
    constraints = await drop_constraints(connection)
    await connection.execute("ALTER TABLE referrals DISABLE TRIGGER USER")  # uses are counted above
    for statement in _STATEMENTS:
        await connection.execute(statement, events, timeout=1800)
    await connection.execute("ALTER TABLE referrals ENABLE TRIGGER USER")
    for statement in constraints:
        await connection.execute(statement, timeout=1800)
    await connection.execute("VACUUM ANALYZE", timeout=1800)
    await connection.close()


def run(url: str, *arguments: str, given: str = "") -> tuple[float, float]:
    """How long a command takes, in seconds, and the most memory it has, in megabytes."""
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "referral", *arguments],
        env={**os.environ, "REFERRAL_DATABASE_URL": url, "REFERRAL_SECRET": SECRET},
        stdin=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    process.stdin.write(given)
    process.stdin.close()
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0
    return time.perf_counter() - started, usage.ru_maxrss / 1024


def main() -> bool:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    events = parser.parse_args().events
    print(description())
    with tempfile.TemporaryDirectory() as place, embedded_postgres(Path(place)) as url:
        migrate(url)
        asyncio.run(fill(url, events))
        backtest = ("program", "backtest", "launch", "-")
        done = {
            "verified": run(url, "ledger", "verify"),
            "tried on other terms": run(url, *backtest, given=json.dumps(DRAFT)),
            "tried on terms with caps": run(url, *backtest, given=json.dumps(CAPPED)),
        }
    for what, (seconds, megabytes) in done.items():
        print(
            f"{events} events {what} in {seconds:.1f} s:"
            f" {events / seconds:.0f}/s, {megabytes:.0f} MB at most"
        )
    return all(
        events / seconds >= GOAL_EVENTS_A_SECOND and megabytes < GOAL_MEGABYTES
        for seconds, megabytes in done.values()
    )


if __name__ == "__main__":
    sys.exit(not main())

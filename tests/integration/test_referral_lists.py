"""A page of the referrals that are asked for costs the same, however many there are and whichever they are."""

import re

import pytest

from databases import execute, query
from referral.adapters.postgres.programs.named_referrals import NEWEST, NEWEST_OF_REFERRER
from referral.adapters.postgres.programs.overdue_referrals import EXPIRE
from referral.domain.programs.referral import ReferralStatus

SIZE = 40_000
# 51 referrals with their code and two people each, and the ends of the ranges that they come from.
MOST_BLOCKS = 1_000
RARE = "rejected"  # one in twenty
REFERRER = (
    "00000000-0000-7000-8000-000000000001"  # of half of all referrals, and all that are rejected
)
FILL = """
    INSERT INTO programs (slug, name, status, terms_version, created_at)
        VALUES ('summer', 'Summer', 'ended', 1, now());
    INSERT INTO users (id, username, username_key, email, email_key, password_hash, credentials_version, created_at)
        SELECT id, name, name, name, name, 'x', 1, now()
        FROM (SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'user' || n
              FROM generate_series(1, {size} + 2) n) AS people (id, name);
    INSERT INTO referral_codes (owner_id, text, issued_at, expires_at)
        SELECT id, 'CODE-' || row_number() OVER (ORDER BY id), now(), now() + interval '1 day'
        FROM users ORDER BY id LIMIT 2;
    INSERT INTO referrals (referrer_id, number, referee_id, code_id, created_at, program_id, status, qualifies_until)
        SELECT owner_id, n, ('00000000-0000-7000-8000-' || lpad((n + 2)::text, 12, '0'))::uuid, code.id,
            now() + n * interval '1 minute', 1 + n / 2 % 2,
            CASE WHEN n % 20 = 0 THEN '{rare}' WHEN n % 3 = 0 THEN 'signed_up' ELSE 'qualified' END,
            now() + (1 - n / 2 % 2) * n * interval '1 minute'
        FROM generate_series(1, {size}) n
        JOIN (SELECT row_number() OVER (ORDER BY id) - 1 AS nth, * FROM referral_codes) code ON nth = n % 2
"""


@pytest.fixture(scope="module")
def filled(databases):
    """A database with many referrals, and its statistics."""
    with databases.migrated() as url:
        execute(url, *FILL.format(size=SIZE, rare=RARE).split(";\n"))
        execute(url, "VACUUM ANALYZE")
        yield url


@pytest.mark.parametrize("plan", ["force_custom_plan", "force_generic_plan"])
@pytest.mark.parametrize("part", ["the first page", "a page in the middle"])
@pytest.mark.parametrize("status", [None, RARE, "qualified"])
@pytest.mark.parametrize("referrer", [None, REFERRER])
@pytest.mark.parametrize("program", [None, 1])
def test_a_page_reads_a_few_ends_of_ranges_of_however_many_referrals(
    *, filled, program, referrer, status, part, plan
):
    statement = NEWEST_OF_REFERRER if referrer else NEWEST
    middle = f"'00000000-0000-7000-8000-{SIZE // 2 + 2:012}'"
    statuses = ", ".join(f"'{one}'" for one in ([status] if status else ReferralStatus))
    values = {
        "program_id": program or "NULL",
        "referrer_id": f"'{referrer}'",
        "statuses_status": f"ARRAY[{statuses}]",
        "cursor": "NULL" if part == "the first page" else middle,
        "size": 51,
    }
    assert explained(filled, statement, values, plan, rows=51) <= MOST_BLOCKS


@pytest.mark.parametrize("plan", ["force_custom_plan", "force_generic_plan"])
@pytest.mark.parametrize(("days", "share", "most"), [(0, 0, 20), (9, 100, 3_000)])
def test_a_share_of_the_overdue_reads_no_more_than_that_however_many_ended_programs_have(
    *, filled, days, share, most, plan
):
    values = {"now": f"now() + '{days} days'::interval", "most": 100}

    assert explained(filled, EXPIRE, values, plan, rows=share) <= most


def explained(url, statement, values, plan, rows):
    """How many blocks this plan of a statement touches, whose changes are undone; it gives so many rows, and scans no table."""
    arguments = ", ".join(
        str(value) if value in values.values() else f"'{value}'"  # one of the statement's own
        for value in statement.arguments(values)
    )
    told = query(
        url,
        before=[
            f"SET plan_cache_mode = {plan}",
            "SET jit = off",
            f"PREPARE it AS {statement.sql}",
            "BEGIN",
        ],
        statement=f"EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF) EXECUTE it({arguments})",
    )
    text = "\n".join(line for (line,) in told)
    assert "Seq Scan on referrals" not in text
    assert re.search(rf"rows={rows}\D", text.splitlines()[0]), text
    hit, read = re.search(r"Buffers: shared(?: hit=(\d+))?(?: read=(\d+))?", text).groups()
    return int(hit or 0) + int(read or 0)

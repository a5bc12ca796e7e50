"""A page of the referrals that are asked for costs the same, however many there are and whichever they are."""

import re

import pytest

from databases import execute, query
from referral.adapters.postgres.programs.named_referrals import NEWEST, NEWEST_OF_REFERRER
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
        VALUES ('summer', 'Summer', 'active', 1, now());
    INSERT INTO users (id, username, username_key, email, email_key, password_hash, credentials_version, created_at)
        SELECT id, name, name, name, name, 'x', 1, now()
        FROM (SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'user' || n
              FROM generate_series(1, {size} + 2) n) AS people (id, name);
    INSERT INTO referral_codes (owner_id, text, issued_at, expires_at)
        SELECT id, 'CODE-' || row_number() OVER (ORDER BY id), now(), now() + interval '1 day'
        FROM users ORDER BY id LIMIT 2;
    INSERT INTO referrals (referrer_id, number, referee_id, code_id, created_at, program_id, status)
        SELECT owner_id, n, ('00000000-0000-7000-8000-' || lpad((n + 2)::text, 12, '0'))::uuid, code.id,
            now() + n * interval '1 minute', 1 + n / 2 % 2,
            CASE WHEN n % 20 = 0 THEN '{rare}' WHEN n % 3 = 0 THEN 'signed_up' ELSE 'qualified' END
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
        "statuses": f"ARRAY[{statuses}]",
        "cursor": "NULL" if part == "the first page" else middle,
        "size": 51,
    }
    arguments = ", ".join(map(str, statement.arguments(values)))
    explained = query(
        filled,
        before=[
            f"SET plan_cache_mode = {plan}",
            "SET jit = off",
            f"PREPARE page AS {statement.sql}",
        ],
        statement=f"EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF) EXECUTE page({arguments})",
    )
    plan_text = "\n".join(line for (line,) in explained)
    assert "Seq Scan on referrals" not in plan_text
    assert "rows=51" in plan_text
    hit, read = re.search(r"Buffers: shared(?: hit=(\d+))?(?: read=(\d+))?", plan_text).groups()
    assert int(hit or 0) + int(read or 0) <= MOST_BLOCKS, plan_text

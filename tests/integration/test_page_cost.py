"""A page of a referrer's people costs the same, however many they are."""

import re

import pytest

from databases import execute, query
from referral.adapters.postgres.programs.referral_pages import PAGE

FEW, MANY = 100, 20_000
OWNERS = {FEW: "00000000-0000-7000-8000-000000000001", MANY: "00000000-0000-7000-8000-000000000002"}


@pytest.fixture(scope="module")
def crowded(databases):
    """A database with one referrer of few people and one of many, and its statistics."""
    with databases.migrated() as url:
        for number, (size, owner) in enumerate(OWNERS.items()):
            execute(
                url,
                f"""INSERT INTO users VALUES
                    ('{owner}', 'r{size}', 'r{size}', 'r{size}', 'r{size}', 'x', 1, NULL, {size}, now())""",
                f"""INSERT INTO referral_codes (owner_id, text, issued_at, expires_at)
                    VALUES ('{owner}', 'CODE{size}', now(), now() + interval '1 day')""",
                f"""INSERT INTO users
                    SELECT md5('{size} ' || n)::uuid, name, name, name, name, 'x', 1, NULL, 0, now()
                    FROM generate_series(1, {size}) n, concat('u{size}-', n) name""",
                f"""INSERT INTO referrals
                    SELECT '{owner}', n, md5('{size} ' || n)::uuid, {number + 1}, now()
                    FROM generate_series(1, {size}) n""",
            )
        execute(url, "VACUUM ANALYZE")
        yield url


@pytest.mark.parametrize("plan", ["force_custom_plan", "force_generic_plan"])
@pytest.mark.parametrize(
    "part", ["the first page", "a page in the middle", "the next page by cursor"]
)
def test_a_page_reads_as_much_of_a_long_list_as_of_a_short_one(crowded, part, plan):
    few, many = (blocks_read(crowded, size, part, plan) for size in (FEW, MANY))

    assert many <= few + 60, "a higher tree may cost one block more for each of the 50, no more"


def blocks_read(url: str, size: int, part: str, plan: str) -> int:
    offset, cursor = {
        "the first page": (0, "NULL"),
        "a page in the middle": (size // 2, "NULL"),
        "the next page by cursor": (0, str(size - 49)),
    }[part]
    values = {"referrer_id": f"'{OWNERS[size]}'", "offset": offset, "size": 50, "cursor": cursor}
    arguments = ", ".join(map(str, PAGE.arguments(values)))
    explained = query(
        url,
        before=[f"SET plan_cache_mode = {plan}", "SET jit = off", f"PREPARE page AS {PAGE.sql}"],
        statement=f"EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF) EXECUTE page({arguments})",
    )
    plan_text = "\n".join(line for (line,) in explained)
    assert "rows=50" in plan_text
    hit, read = re.search(r"Buffers: shared(?: hit=(\d+))?(?: read=(\d+))?", plan_text).groups()
    return int(hit or 0) + int(read or 0)

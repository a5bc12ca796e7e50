import asyncio
import json
import subprocess
import sys
import time

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from databases import execute, query
from referral.adapters.postgres.migrate import migrate
from referral.adapters.postgres.tables import metadata
from referral.domain.programs.terms import Terms

# Everything that a schema is made of, as PostgreSQL itself words it.
SCHEMA = """
    SELECT 'table', relname::text, relpersistence::text, ''
    FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
    UNION ALL
    SELECT 'column', format('%s.%s', table_name, column_name), data_type,
        concat_ws(' ', is_nullable, column_default, identity_generation)
    FROM information_schema.columns WHERE table_schema = 'public'
    UNION ALL
    SELECT 'constraint', conrelid::regclass::text, conname::text, pg_get_constraintdef(oid)
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION ALL
    SELECT 'index', tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
    ORDER BY 1, 2, 3, 4
"""


def on(url, do):
    """What `do` gives, called with a SQLAlchemy connection to this database."""

    async def run():
        engine = create_async_engine(
            "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(url), poolclass=NullPool
        )
        async with engine.begin() as connection:
            result = await connection.run_sync(do)
        await engine.dispose()
        return result

    return asyncio.run(run())


def schema_of(url):
    rows = on(url, lambda connection: connection.execute(text(SCHEMA)).all())
    return [tuple(row) for row in rows if "alembic_version" not in "".join(row)]


def constraint(url, name):
    return next(row[3] for row in schema_of(url) if row[2] == name)


@pytest.fixture
def blank_url(databases):
    with databases.blank() as url:
        yield url


@pytest.fixture
def migrated_url(databases):
    with databases.migrated() as url:
        yield url


def test_alembic_finds_nothing_to_migrate_in_a_migrated_database(database_url):
    def differences(connection):
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        return compare_metadata(context, metadata)

    assert on(database_url, differences) == []


def test_a_migrated_database_is_what_the_tables_say(database_url, blank_url):
    execute(blank_url, "CREATE EXTENSION btree_gist")
    on(blank_url, metadata.create_all)

    assert schema_of(database_url) == schema_of(blank_url)


TRIGGERS = {
    ("referral_codes", "ex_referral_codes_one_active"),
    ("referral_codes", "ex_referral_codes_one_active_still"),
    ("referrals", "uses_are_counted"),
    ("program_terms", "terms_never_change"),
    ("programs", "programs_stay"),
    ("ledger_entries", "entries_never_change"),
    ("ledger_entries", "entries_are_balanced"),
    ("decisions", "decisions_never_change"),
}


def test_the_triggers_that_hold_the_other_rules_are_there(database_url):
    triggers = query(
        database_url,
        "SELECT tgrelid::regclass::text, tgname::text FROM pg_trigger WHERE NOT tgisinternal",
    )

    assert set(triggers) == TRIGGERS


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("ck_referral_codes_expires_later", "issued_at < expires_at"),
        ("ck_referral_codes_retired_later", "issued_at <= retired_at"),
        ("ck_referrals_not_oneself", "referrer_id <> referee_id"),
        ("ck_users_registered_or_enrolled_or_erased", "num_nonnulls"),
        ("ck_users_keys", "username_key"),
        ("ck_referral_codes_uses", "uses <= max_uses"),
        ("ck_referrals_status", "signed_up"),
        ("ck_programs_ends_later", "starts_at < ends_at"),
        ("ck_programs_status", "paused"),
        ("uq_programs_slug", "UNIQUE (slug)"),
        ("uq_users_username", "UNIQUE (username_key)"),
        ("uq_users_email", "UNIQUE (email_key)"),
        ("uq_referral_codes_text", "UNIQUE (text)"),
        ("uq_referrals_referee", "UNIQUE (referee_id)"),
    ],
)
def test_the_database_holds_the_other_rules_too(database_url, name, words):
    assert words in constraint(database_url, name)


def test_migrating_twice_changes_nothing(migrated_url):
    execute(
        migrated_url,
        "INSERT INTO rate_limits (bucket, hits, resets_at) VALUES ('one', 1, now())",
    )
    before = schema_of(migrated_url)

    migrate(migrated_url)

    assert schema_of(migrated_url) == before
    assert on(migrated_url, lambda c: c.execute(text("SELECT hits FROM rate_limits")).all()) == [
        (1,)
    ]


def test_f22_the_version_before_works_on_the_new_schema(migrated_url):
    execute(
        migrated_url,
        "INSERT INTO rate_limits (bucket, hits, resets_at) VALUES ('one', 1, now())"
        " ON CONFLICT (bucket) DO UPDATE SET hits = rate_limits.hits + 1"
        " RETURNING hits, resets_at",
    )

    assert query(migrated_url, "SELECT hits, in_progress, in_progress_until FROM rate_limits") == [
        (1, 0, None)
    ]


def test_f22_a_table_of_counts_is_not_rewritten_however_big_it_is(blank_url):
    migrate(blank_url, "0001")
    execute(blank_url, "INSERT INTO rate_limits (bucket, hits, resets_at) VALUES ('one', 1, now())")
    where = "SELECT pg_relation_filenode('rate_limits')"
    before = query(blank_url, where)

    migrate(blank_url, "0002")

    assert query(blank_url, where) == before
    assert query(blank_url, "SELECT hits, in_progress FROM rate_limits") == [(1, 0)]


def test_f22_a_migration_does_not_hold_up_the_service_while_it_waits_for_a_lock(blank_url):
    migrate(blank_url, "0001")
    started = time.monotonic()

    with pytest.raises(DBAPIError, match="lock timeout"):
        on(
            blank_url,
            lambda connection: (
                connection.execute(text("LOCK TABLE rate_limits")),
                migrate(blank_url, "0002"),
            ),
        )
    assert time.monotonic() - started < 5

    migrate(blank_url, "0002")


def test_an_endpoint_that_is_left_alone_stays_so_but_nobody_sends_to_it_for_so_long(blank_url):
    migrate(blank_url, "0018")
    execute(
        blank_url,
        "INSERT INTO webhook_endpoints"
        " (id, url, events, secret, created_at, failing_since, lane, lane_until)"
        " VALUES (gen_random_uuid(), '', '{}', '', now(), now(), gen_random_uuid(), '2100-01-01Z')",
    )

    migrate(blank_url, "0019")

    columns = "paused_until = '2100-01-01Z', lane_until <= now() + interval '1 minute'"
    assert query(blank_url, f"SELECT {columns} FROM webhook_endpoints") == [(True, True)]


def test_f23_of_several_migrators_at_once_all_succeed(blank_url, database_url):
    program = (
        "import sys; from referral.adapters.postgres.migrate import migrate; migrate(sys.argv[1])"
    )
    migrators = [
        subprocess.Popen(
            [sys.executable, "-c", program, blank_url], stderr=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]

    errors = [migrator.communicate(timeout=60)[1] for migrator in migrators]

    assert [
        (migrator.returncode, error) for migrator, error in zip(migrators, errors, strict=True)
    ] == [(0, "")] * 3
    assert schema_of(blank_url) == schema_of(database_url)


def test_f23_a_migration_that_fails_half_way_is_undone(blank_url):
    execute(blank_url, "CREATE TABLE rate_limits ()")  # in the way of the last one
    before = schema_of(blank_url)

    with pytest.raises(DBAPIError, match="already exists"):
        migrate(blank_url)

    assert schema_of(blank_url) == before
    execute(blank_url, "DROP TABLE rate_limits")
    migrate(blank_url)
    assert constraint(blank_url, "uq_referral_codes_text")


async def test_one_can_migrate_where_an_event_loop_runs(blank_url):
    migrate(blank_url)


def test_f11_a_server_that_is_not_there_is_an_error_of_the_system():
    with pytest.raises(OSError, match=r"refused|Connect"):
        migrate("postgresql://nobody@127.0.0.1:1/nothing")


PEOPLE = [
    f"INSERT INTO users VALUES ('00000000-0000-7000-8000-00000000000{n}', '{name}', '{name}', '{name}@x', '{name}@x',"
    f" 'hash', 1, NULL, {referees}, '2026-01-0{n}')"
    for n, name, referees in ((1, "ann", 2), (2, "bob", 0), (3, "carl", 0))
]
CODES_BEFORE = """
    INSERT INTO referral_codes (owner_id, text, issued_at, expires_at, retired_at)
    SELECT id, code, issued_at::timestamptz, '2030-01-01', retired_at::timestamptz
    FROM users, (
        VALUES ('GONE-1', '2026-01-01', '2026-01-02'), ('USED-2', '2026-01-02', '2026-01-02'), ('MINE-3', '2026-01-03', NULL)
    ) AS codes (code, issued_at, retired_at)
    WHERE username = 'ann'
"""
REFERRALS_BEFORE = """
    INSERT INTO referrals
    SELECT a.id, row_number() OVER (ORDER BY b.id), b.id, c.id, '2026-01-05'
    FROM users AS a, users AS b, referral_codes AS c
    WHERE a.username = 'ann' AND b.username <> 'ann' AND c.text = 'MINE-3'
"""


def test_a_database_with_rows_in_it_keeps_them_all_when_programs_come_to_it(blank_url):
    migrate(blank_url, "0006")
    execute(blank_url, *PEOPLE, CODES_BEFORE, REFERRALS_BEFORE)
    codes = "SELECT id, owner_id, text, issued_at, expires_at, retired_at FROM referral_codes ORDER BY id"
    referrals = (
        "SELECT referrer_id, number, referee_id, code_id, created_at FROM referrals ORDER BY 2"
    )
    before = query(blank_url, codes), query(blank_url, referrals)

    migrate(blank_url)

    assert (query(blank_url, codes), query(blank_url, referrals)) == before
    assert query(
        blank_url, "SELECT text, program_id, max_uses, uses FROM referral_codes ORDER BY text"
    ) == [("GONE-1", 1, None, 0), ("MINE-3", 1, None, 2), ("USED-2", 1, None, 0)]
    assert query(
        blank_url,
        "SELECT DISTINCT program_id, terms_version, status, held_reasons FROM referrals",
    ) == [(1, 1, "qualified", [])]


def test_the_default_program_comes_with_terms_that_say_all_that_the_rules_say(blank_url):
    migrate(blank_url)

    [(terms,)] = query(blank_url, "SELECT terms FROM program_terms")

    assert json.loads(terms) == Terms().plain()


def test_the_version_before_programs_works_on_the_schema_with_them(migrated_url):
    execute(migrated_url, *PEOPLE, CODES_BEFORE, REFERRALS_BEFORE)

    assert query(
        migrated_url, "SELECT uses, program_id FROM referral_codes WHERE text = 'MINE-3'"
    ) == [(2, 1)]


def test_a_migration_to_programs_that_was_cut_off_goes_on(blank_url):
    migrate(blank_url, "0007")
    execute(blank_url, *PEOPLE, CODES_BEFORE, REFERRALS_BEFORE)
    execute(
        blank_url,
        "CREATE INDEX ix_referral_codes_ends ON referral_codes (id)",
        "UPDATE referral_codes SET uses = 7 WHERE text = 'MINE-3'",
    )

    migrate(blank_url)

    assert "LEAST(retired_at, expires_at)" in next(
        row[3] for row in schema_of(blank_url) if row[2] == "ix_referral_codes_ends"
    )
    assert query(blank_url, "SELECT uses FROM referral_codes WHERE text = 'MINE-3'") == [(2,)]


@pytest.mark.parametrize(
    "refused",
    [
        "UPDATE program_terms SET terms = '{}'",
        "DELETE FROM program_terms",
        "DELETE FROM programs",
    ],
)
def test_the_database_refuses_to_change_terms_and_to_delete_programs(migrated_url, refused):
    with pytest.raises(asyncpg.RestrictViolationError):
        execute(migrated_url, refused)

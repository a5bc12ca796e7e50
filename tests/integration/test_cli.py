"""The command line, as a process of its own."""

import asyncio
import json
import os
import subprocess
import sys
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import pytest

from databases import execute, query
from referral.adapters.postgres import migrate

SECRET = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def started(tmp_path):
    """Starts the command with these settings, in an empty directory."""
    processes: list[subprocess.Popen[str]] = []

    def start(*arguments: str, **settings: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "referral", *arguments],
            cwd=tmp_path,
            env={
                **{name: value for name, value in os.environ.items() if "REFERRAL" not in name},
                **{f"REFERRAL_{name.upper()}": value for name, value in settings.items()},
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


@pytest.fixture
def referral(started):
    """Runs the command until it has ended."""

    def run(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        process = started(*arguments, **settings)
        said, complained = process.communicate()
        return subprocess.CompletedProcess(arguments, process.returncode, said, complained)

    return run


def test_migrate_brings_a_database_up_to_date_and_can_be_repeated(referral, databases):
    with databases.blank() as url:
        for _ in range(2):
            done = referral("migrate", database_url=url, secret=SECRET)

            assert (done.returncode, done.stdout) == (0, "The database is up to date.\n")
        assert query(url, "SELECT count(*) FROM referral_codes") == [(0,)]


def test_migrate_makes_the_embedded_database(referral, tmp_path):
    done = referral("migrate")

    assert (done.returncode, done.stdout) == (0, "The database is up to date.\n")
    assert (tmp_path / ".referral" / "postgres").is_dir()
    assert (tmp_path / ".referral" / "secret").stat().st_mode & 0o777 == 0o600


async def test_f23_a_migrator_that_waits_for_another_one_says_so(started, databases):
    with databases.blank() as url:
        other = await asyncpg.connect(url)
        async with other.transaction():
            await other.execute(f"SELECT pg_advisory_xact_lock({migrate._ONE_AT_A_TIME})")

            waiting = started("migrate", database_url=url, secret=SECRET, log_format="json")

            async with asyncio.timeout(20):
                line = await asyncio.to_thread(waiting.stderr.readline)
            assert json.loads(line)["event"] == "waiting for another migration"
        await other.close()
        said, complained = waiting.communicate()
        assert (waiting.returncode, said, complained) == (0, "The database is up to date.\n", "")


def test_f23_a_role_that_may_not_migrate_is_told_in_a_line(referral, databases):
    role = f"role_{uuid4().hex}"
    with databases.blank() as url:
        execute(url, f"CREATE ROLE {role} LOGIN PASSWORD 'hush'")
        place = urlsplit(url)
        weak = place._replace(netloc=f"{role}:hush@{place.netloc.rpartition('@')[2]}").geturl()

        done = referral("migrate", database_url=weak, secret=SECRET)

        execute(url, f"DROP ROLE {role}")
    assert (done.returncode, done.stdout) == (1, "")
    [line] = done.stderr.splitlines()
    assert line.startswith("The database cannot be migrated: permission denied")


def test_a_database_that_does_not_answer_is_told_in_a_line(referral):
    done = referral("migrate", database_url="postgresql://127.0.0.1:1/none", secret=SECRET)

    assert done.returncode == 1
    assert done.stderr.startswith("The database cannot be migrated: ")
    assert "Traceback" not in done.stderr


def test_embedded_programs_that_are_not_there_are_told_in_a_line(referral, tmp_path):
    done = referral("migrate", pg_bin=str(tmp_path))

    assert done.returncode == 1
    assert "REFERRAL_PG_BIN" in done.stderr
    assert "Traceback" not in done.stderr


def test_config_prints_the_settings_in_force_and_hides_what_is_secret(referral):
    done = referral(
        "config",
        database_url="postgresql://ann:hush@db.example.org:5432/referral?password=hush",
        secret=SECRET,
        access_token_ttl="5m",
    )

    assert done.returncode == 0
    lines = dict(line.split("=", 1) for line in done.stdout.splitlines())
    assert lines["REFERRAL_ACCESS_TOKEN_TTL"] == "0:05:00"
    assert lines["REFERRAL_SECRET"] == "********"
    hidden = "postgresql://ann:********@db.example.org:5432/referral?password=********"
    assert lines["REFERRAL_DATABASE_URL"] == hidden
    assert "hush" not in done.stdout


def test_openapi_prints_the_document(referral):
    done = referral("openapi")

    assert done.returncode == 0
    assert json.loads(done.stdout)["openapi"].startswith("3.1")


def test_bad_settings_are_told_in_a_line_each_with_status_2(referral):
    done = referral("config", prot="1", workers="0")

    assert done.returncode == 2
    assert sorted(line.split(":")[0] for line in done.stderr.splitlines()) == [
        "REFERRAL_PROT",
        "REFERRAL_WORKERS",
    ]


def test_help_lists_the_commands(referral):
    done = referral("--help")

    assert done.returncode == 0
    for command in ("serve", "migrate", "config", "openapi"):
        assert command in done.stdout

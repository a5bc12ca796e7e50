"""The command line, as a process of its own."""

import json
import os
import subprocess
import sys

import pytest

from databases import query

SECRET = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def referral(tmp_path):
    """Runs the command with these settings, in an empty directory."""

    def run(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "referral", *arguments],
            cwd=tmp_path,
            env={
                "PATH": os.environ["PATH"],
                **{f"REFERRAL_{name.upper()}": value for name, value in settings.items()},
            },
            capture_output=True,
            text=True,
            check=False,
        )

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

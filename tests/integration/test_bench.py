"""The benchmarks run; what they measure is nothing that a test could promise."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
QUICK = ["--rounds=1", "--seconds=0.1"]
OF_EACH_KIND = [
    "--only",
    "status",
    "program",
    "balance",
    "explanation",
    "refresh",
    "enrol",
    "event",
]

pytestmark = pytest.mark.usefixtures("uncounted")


@pytest.mark.parametrize(
    ("program", "options"),
    [
        ("compare", [*QUICK, "--referrals=1100", *OF_EACH_KIND]),
        ("flood", ["--rounds=1", "--seconds=0.5", "--referrals=1100"]),
        ("startup", ["--rounds=1"]),
        ("guess_timing", ["--times=2", "--cost=6", "--tolerance=0.5"]),
        ("thief", ["--families=2"]),
        ("scale", [*QUICK, "--sizes=1000", "--plot=plot.svg"]),
    ],
)
def test_a_benchmark_measures_the_service_and_says_what_it_found(tmp_path, program, options):
    run(program, options, tmp_path, check=True)

    assert len(found(tmp_path)) > 1


@pytest.fixture(scope="module")
def beside_hostile_clients(tmp_path_factory):
    """Where the bench was run that no goal can be met by, and how it ended."""
    directory = tmp_path_factory.mktemp("hostile")
    options = ["--only", "all together", "--together=2", "--p99=0"]
    return directory, run("hostile", options, directory, check=False)


def test_a_benchmark_that_misses_a_goal_fails_and_says_which(beside_hostile_clients):
    directory, ended = beside_hostile_clients

    assert ended.returncode == 1
    assert found(directory)["missed"]


def test_the_table_of_what_hostile_clients_did_is_written_into_the_page(beside_hostile_clients):
    directory, _ = beside_hostile_clients
    page = directory / "page.md"
    page.write_text("Before.\n<!-- measured by bench.hostile -->\nold\n<!-- end -->\nAfter.\n")

    run("hostile", [f"--table={page}"], directory, check=True)

    text = page.read_text()
    assert text.startswith("Before.\n")
    assert text.endswith("After.\n")
    assert "\n| all together |" in text
    assert "old" not in text


def run(program: str, options: list[str], directory: Path, *, check: bool):
    return subprocess.run(
        [sys.executable, "-m", f"bench.{program}", *options, "--json=found.json"],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"},
        check=check,
    )


def found(directory: Path):
    return json.loads((directory / "found.json").read_text())

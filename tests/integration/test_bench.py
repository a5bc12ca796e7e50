"""The benchmarks run; what they measure is nothing that a test could promise."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("program", "options"),
    [
        ("compare", ["--rounds=1", "--seconds=1", "--only=status"]),
        ("compare", ["--rounds=1", "--seconds=1", "--only=refresh"]),
        ("flood", ["--rounds=1", "--seconds=3"]),
        ("startup", ["--rounds=1"]),
        ("scale", ["--rounds=1", "--seconds=1", "--sizes=1000", "--plot=plot.svg"]),
    ],
)
def test_a_benchmark_measures_the_service_and_says_what_it_found(tmp_path, program, options):
    subprocess.run(
        [sys.executable, "-m", f"bench.{program}", *options, "--json=found.json"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"},
        check=True,
    )

    assert len(json.loads((tmp_path / "found.json").read_text())) > 1

"""The table of faults has each row, and names tests that are there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINES = (ROOT / "docs/faults.md").read_text("utf-8").splitlines()
ROWS = {line[2:5]: line for line in LINES if line.startswith("| F")}
TESTS = {
    name
    for file in (ROOT / "tests").rglob("test_*.py")
    for name in re.findall(r"^(?:async )?def (test_\w+)", file.read_text(), re.MULTILINE)
}


def test_there_are_29_rows():
    assert [*ROWS] == [f"F{n:02}" for n in range(1, 30)]


@pytest.mark.parametrize("row", ROWS)
def test_a_row_names_its_tests_and_how_they_were_seen_to_fail(row):
    _, fault, holds, tests, seen, _ = map(str.strip, ROWS[row].split(" |"))

    assert fault
    assert holds
    assert seen
    named = re.findall(r"`(test_\w+)`", tests)
    assert named
    for test in named:
        assert test in TESTS
        assert f"_{row.lower()}_" in test

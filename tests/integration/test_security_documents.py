"""The tables about security name tests and defences that are there."""

import re
from pathlib import Path

import pytest

from hostile import defences

ROOT = Path(__file__).parents[2]
ROWS = defences.rows()
COUNTS = {"A": 24, "B": 19, "C": 12, "D": 24, "E": 12, "L": 10}
TESTS = {
    file.relative_to(ROOT / "tests").as_posix(): set(
        re.findall(r"^(?:async )?def (test_\w+)", file.read_text(), re.MULTILINE)
    )
    for file in (ROOT / "tests").rglob("test_*.py")
}
NAMES = set().union(*TESTS.values())


def test_there_are_101_rows():
    assert [*ROWS] == [
        f"{letter}{n:02}" for letter, last in COUNTS.items() for n in range(1, last + 1)
    ]


@pytest.mark.parametrize("name", ROWS)
def test_a_row_has_tests_that_are_named_after_it(name):
    assert ROWS[name].tests
    for test in ROWS[name].tests:
        file, _, function = test.partition("::")
        assert function.partition("[")[0] in TESTS[file]
        assert name in rows_in(function)


def rows_in(test: str) -> set[str]:
    """The rows that a test's name speaks of: `a01_…`, `b01_to_b14_…`."""
    found = set(re.findall(r"(?<![a-z0-9])([a-l]\d\d)(?=_)", test.replace("test_", "")))
    for letter, first, last in re.findall(r"([a-l])(\d\d)_to_[a-l](\d\d)_", test):
        found |= {f"{letter}{n:02}" for n in range(int(first), int(last) + 1)}
    return {row.upper() for row in found}


@pytest.mark.parametrize("name", ROWS)
def test_the_defence_of_a_row_is_where_it_is_said_to_be(name):
    row = ROWS[name]

    assert (ROOT / row.file).read_text("utf-8").count(row.text) == 1
    assert row.instead != row.text


def test_the_table_of_attacks_says_what_the_rows_say_and_that_each_was_seen_to_fail():
    table = defences.TABLE.read_text("utf-8").partition(defences.TABLE_RULE)[2]
    lines = {line[2:5]: line for line in table.splitlines()}

    assert [*lines] == [*ROWS]
    for name, line in lines.items():
        said = [part.strip() for part in line.strip("|").split(" | ")]
        assert line == defences.line_of(name, ROWS[name], int(said[3]), said[5].rpartition(": ")[2])
        assert re.match(r"\d+ failed", said[5].rpartition(": ")[2])


def test_the_standards_requirements_are_all_there_and_name_what_is_there():
    text = (ROOT / "docs/asvs.md").read_text("utf-8")
    lines = re.findall(r"^\| (\d.*?) \| (.*?) \| (.*?) \|$", text, re.MULTILINE)
    numbers = [n for line in lines for n in re.findall(r"(\d+\.\d+\.\d+) \([12]\)", line[0])]

    assert len(numbers) == len({*numbers}) == 253  # 70 of level 1, 183 of level 2
    for _, about, shown in lines:
        assert about
        assert shown
        assert set(re.findall(r"\b[A-EL]\d\d\b", shown)) <= ROWS.keys()
        assert set(re.findall(r"`(test_\w+)`", shown)) <= NAMES

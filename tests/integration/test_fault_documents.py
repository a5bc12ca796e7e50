"""The table of what makes the service robust names what is there, and tells of each that a test noticed its absence."""

import re
from pathlib import Path

import pytest

from faults import mutations

ROOT = Path(__file__).parents[2]
MUTATIONS = mutations.mutations()


@pytest.mark.parametrize("name", MUTATIONS)
def test_what_is_taken_away_is_where_it_is_said_to_be(name):
    mutation = MUTATIONS[name]

    assert (ROOT / mutation.file).read_text("utf-8").count(mutation.text) == 1
    assert mutation.instead != mutation.text


@pytest.mark.parametrize("name", MUTATIONS)
def test_the_tests_that_notice_it_are_there(name):
    assert MUTATIONS[name].tests
    for test in MUTATIONS[name].tests:
        file, _, case = test.partition("::")
        function = case.partition("[")[0]
        assert re.search(rf"(?m)^(async )?def {function}\(", (ROOT / "tests" / file).read_text())


def test_the_table_tells_of_each_that_its_absence_was_noticed():
    table = mutations.TABLE.read_text("utf-8").partition(mutations.TABLE_RULE)[2].splitlines()
    seen = [line.strip("| ").rpartition(" | ")[2] for line in table]

    assert table == [
        mutations.line_of(mutation, said)
        for mutation, said in zip(MUTATIONS.values(), seen, strict=True)
    ]
    assert all(re.match(r"\d+ failed", said) for said in seen)

"""Bad terms, one a line of terms.jsonl: what is changed in good ones, and the places that have to be told for it.

Without `value` what is there is taken away; without `told` the place is that of the change.
"""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from databases import query
from operators import make_keys
from referral.domain.access.caller import Scope
from referral.entrypoints.http.openapi.terms import EXAMPLE
from servers import running

LINES = Path(__file__).with_name("terms.jsonl").read_text("ascii").splitlines()
STORED = "SELECT (SELECT count(*) FROM programs), (SELECT count(*) FROM program_terms)"


@pytest.fixture(scope="module")
def server(databases, tmp_path_factory):
    with (
        databases.migrated() as url,
        running(tmp_path_factory.mktemp("server"), url, rate_limits="off") as server,
    ):
        yield server


@pytest.fixture(scope="module")
def post(server):
    key = make_keys(server.database_url, shop=[Scope.PROGRAMS_WRITE])["shop"]
    with server.client() as client:
        client.headers.update(key.bearer)
        # The server knows the key within a second.
        while client.get("/programs").status_code == 401:
            pass
        yield lambda path, body: client.post(path, json=body)


def changed(line: dict[str, Any]) -> dict[str, Any]:
    """Good terms with the one change; a step that leads nowhere is a name as it is written."""
    terms: Any = copy.deepcopy(EXAMPLE)
    *steps, last = line["at"].split("/") if "told" not in line else _steps(line["at"])
    place = terms
    for step in steps:
        place = place[int(step) if isinstance(place, list) else step]
    key = int(last) if isinstance(place, list) else last
    if "value" in line:
        place[key] = line["value"]
    else:
        del place[key]
    return terms


def _steps(at: str) -> list[str]:
    return at.split("/") if at.split("/", maxsplit=1)[0] in EXAMPLE else [at]


def test_there_are_more_than_a_hundred_of_them_and_no_two_are_the_same():
    assert len(LINES) == len(set(LINES)) > 100


@pytest.mark.parametrize("line", LINES)
def test_bad_terms_are_refused_with_every_place_and_nothing_is_stored(line, server, post):
    bad = json.loads(line)
    terms, told = changed(bad), bad.get("told", [bad["at"]])
    before = query(server.database_url, STORED)

    created = post("/programs", {"slug": "bad", "name": "Bad", "terms": terms})
    added = post("/programs/default/terms", terms)

    for answer, within in ((created, "#/terms/"), (added, "#/")):
        assert answer.status_code == 422, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert [e["pointer"] for e in answer.json()["errors"]] == [f"{within}{at}" for at in told]
    assert query(server.database_url, STORED) == before


def test_bad_terms_are_told_beside_what_else_is_wrong(post):
    answer = post("/programs", {"slug": "Bad", "terms": {"hold_days": -1}, "more": 1})

    assert answer.status_code == 422
    assert {error["pointer"] for error in answer.json()["errors"]} == {
        "#/slug",
        "#/name",
        "#/terms/hold_days",
        "#/more",
    }


def test_terms_that_are_no_object_are_malformed(post):
    answer = post("/programs", {"slug": "bad", "name": "Bad", "terms": []})

    assert answer.status_code == 400
    assert [error["pointer"] for error in answer.json()["errors"]] == ["#/terms"]


@pytest.mark.parametrize("body", [[], "{}", 5, None])
def test_a_body_that_is_no_object_has_no_terms(post, body):
    assert post("/programs/default/terms", body).status_code == 400

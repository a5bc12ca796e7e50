"""docs/programs.md says of each member of the terms what the rules say."""

import json
import re
from pathlib import Path

import pytest

from referral.domain.programs import reward_rules, terms
from referral.domain.programs.plain_data import members_of
from referral.domain.programs.terms import Terms
from referral.domain.rewards.decision import Reason
from referral.entrypoints.http.openapi.terms import EXAMPLE, terms_schema

DOCUMENT = (Path(__file__).parents[3] / "docs/programs.md").read_text()
PARTS = [
    *(terms.Terms, terms.CodeRules, terms.Qualification, terms.Review, terms.Burst),
    *(reward_rules.RewardRule, reward_rules.Caps, reward_rules.ReferrerCap, reward_rules.Budget),
]


@pytest.mark.parametrize("part", PARTS)
def test_every_member_is_in_the_document_with_its_meaning_and_default(part):
    for member in members_of(part):
        [row] = re.findall(
            rf"^\| `{member.name}` \| [^|]+ \| ([^|]+) \| {re.escape(member.meaning)} \|$",
            DOCUMENT,
            re.MULTILINE,
        )
        assert (row == "required") == member.required


def test_the_example_in_the_document_is_one():
    [example] = re.findall(r"```json\n(.+?)```", DOCUMENT, re.DOTALL)

    assert json.loads(example) == EXAMPLE
    assert Terms.parse(json.loads(example))


def test_the_description_of_the_api_has_every_member_of_every_part():
    def names(schema):
        inner = [schema, *schema.get("anyOf", []), schema.get("items", {})]
        own = [part.get("properties", {}) for part in inner]
        deeper = [part["items"] for part in inner if "items" in part]
        return {
            *(name for properties in own for name in properties),
            *(n for properties in own for value in properties.values() for n in names(value)),
            *(n for items in deeper for n in names(items)),
        }

    assert names(terms_schema()) == {m.name for part in PARTS for m in members_of(part)}


def test_every_reason_of_a_decision_is_in_the_document_and_no_other():
    [table] = re.findall(r"\| reason \| what it says \|\n\| --- \| --- \|\n((?:\|.*\n)+)", DOCUMENT)

    assert re.findall(r"^\| `([a-z-]+)` \|", table, re.MULTILINE) == [*Reason]

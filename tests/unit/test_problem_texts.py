"""What the pages about problems say, and that the domain leaves it to them."""

import re
from pathlib import Path

import pytest

from referral import domain
from referral.domain.access.errors import NotAnAdministrator
from referral.domain.accounts.errors import UserNotFound
from referral.domain.errors import ReferralError, slug
from referral.entrypoints.http.problems.texts import EXPLANATIONS
from referral.entrypoints.http.problems.types import HttpError


def kinds(kind):
    return [e for child in kind.__subclasses__() for e in (child, *kinds(child))]


# The first is answered as InvalidAccessToken, the other told on the command line alone.
NOT_ANSWERED = {UserNotFound, NotAnAdministrator}
ANSWERED = {
    error
    for error in [*kinds(ReferralError), *kinds(HttpError)]
    if "detail" in vars(error) and error not in NOT_ANSWERED
}


def test_every_problem_that_is_answered_has_a_page_and_no_other():
    assert EXPLANATIONS.keys() == ANSWERED


@pytest.mark.parametrize("kind", [*EXPLANATIONS], ids=slug)
def test_a_page_is_made_of_whole_sentences_without_an_indent(kind):
    for paragraph in EXPLANATIONS[kind].split("\n\n"):
        assert paragraph[0].isupper() or paragraph[0] == "`"
        assert paragraph.endswith(".")
        assert "\n" not in paragraph


@pytest.mark.parametrize(
    "file", [*Path(domain.__path__[0]).glob("*.py")], ids=lambda file: file.name
)
def test_the_domain_speaks_of_no_http(file):
    said = re.findall(
        r"(?i)\bHTTP|\bheader|\bJSON\b|\bbearer|\bendpoint|idempotency-key|retry-after|x-request-id",
        file.read_text(),
    )

    assert not said

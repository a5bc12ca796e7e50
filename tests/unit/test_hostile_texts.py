"""Texts that are made to keep the service busy, in every value that a caller can send.

Time is that of this thread alone: what else the machine does makes no difference.
"""

import sys
import time
import unicodedata
from contextlib import suppress
from dataclasses import fields, replace
from datetime import timedelta

import pytest

from examples import PASSWORD
from referral.adapters.credentials.common_passwords import ListedCommonPasswords
from referral.adapters.credentials.jwt_tokens import JwtAccessTokens
from referral.adapters.email_addresses import ValidatedEmailAddresses
from referral.application.accounts.password_rule import PasswordRule
from referral.application.input_rules import InputRules
from referral.application.webhooks.endpoint_rules import EndpointRules
from referral.domain.accounts.user import SPELLED_OUT, Password, Username, normalise_password
from referral.domain.errors import InvalidInput, ReferralError

AT_MOST = 0.05  # seconds; ten times what it takes, for coverage and a busy machine slow it down

# To be put in order, each mark has to be moved past all that stand before it.
MARKS_OUT_OF_ORDER = "a" + "\u0345" * 15_500 + "\u0334" * 15_500  # 62 kB in UTF-8
HOSTILE = {
    "62 kB of marks out of order": MARKS_OUT_OF_ORDER,
    "62 kB of one mark": "\u0301" * 31_000,
    "marks out of order, as many as are looked at": "\u0345" * 508 + "\u0334" * 508,
    "what decomposes into eighteen": "\ufdfa" * 20_000,
    "letters": "a" * 10_000,
    "letters and dashes": "A-" * 5_000,
    "dashes": "A" + "-" * 10_000,
    "labels": "a." * 5_000 + "@",
    "an address of labels": "a@" + "a." * 5_000,
    "signs": "@" * 10_000,
    "quotes": '"' + "\\" * 10_000,
    "digits": "1" * 10_000,
    "a time with a long fraction": "2030-10-10T12:00:00." + "1" * 10_000,
    "a time with spaces": "2030-10-10" + " " * 10_000,
    "a token of many parts": "." * 10_000,
    "brackets": "[" * 10_000,
}

VALUES = {
    "register_user": {
        "username": "ann",
        "email": "ann@example.org",
        "password": PASSWORD,
        "code": "A-CODE",
    },
    "log_in": {"username": "owner", "password": PASSWORD},
    "refresh_token_pair": {"refresh_token": "token"},
    "revoke_tokens": {"refresh_token": "token"},
    "authenticate": {"token": "token"},
    "create_key": {"name": "shop", "expires_at": "2030-10-10 12:00"},
    "grant_admin": {"email": "owner@example.org"},
    "revoke_admin": {"email": "owner@example.org"},
    "find_user": {"who": "owner"},
    "change_password": {"password": PASSWORD, "new_password": "another password"},
    "erase_user": {"password": PASSWORD},
    "issue_code": {"code": "A-CODE", "expires_at": "2030-10-10 12:00"},
    "retire_code": {"code": "A-CODE"},
    "find_code": {"email": "ann@example.org"},
    "code_status": {"code": "A-CODE"},
}
MORE = {"create_key": {"scopes": ["events:write"]}}
WHO_CALLS = {
    "change_password": "user_id",
    "erase_user": "user_id",
    "issue_code": "owner_id",
    "retire_code": "owner_id",
}


@pytest.fixture
def use_case(use_cases):
    """Gives a use case by its name, with the real adapters that read what callers send."""
    emails = ValidatedEmailAddresses()
    rules = InputRules(
        emails,
        PasswordRule(ListedCommonPasswords()),
        use_cases.programs.issue_code.clock,
        EndpointRules(private_networks=False),
    )
    tokens = JwtAccessTokens(["0123456789abcdef0123456789abcdef"], timedelta(minutes=15))
    real = {"rules": rules, "email_addresses": emails, "access_tokens": tokens}

    def named(name):
        [found] = [
            getattr(group, name)
            for group in (use_cases.accounts, use_cases.access, use_cases.programs)
            if hasattr(group, name)
        ]
        asked = {field.name for field in fields(found)}
        return replace(found, **{name: real[name] for name in real.keys() & asked})

    return named


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, given in VALUES.items() for v in given])
async def test_e12_no_value_of_any_call_takes_long_to_refuse(use_case, owner, clock, name, value):
    others = {v: VALUES[name][v] for v in VALUES[name] if v != value}
    if name in WHO_CALLS:
        others[WHO_CALLS[name]] = owner.id

    async def seconds(text):
        clock.advance(hours=1)  # past every limit on guessing
        started = time.thread_time()
        with suppress(ReferralError):
            await use_case(name)(**others, **MORE.get(name, {}), **{value: text})
        return time.thread_time() - started

    # At its best of three: the first may read a list that is kept from then on.
    costs = {kind: min([await seconds(text) for _ in range(3)]) for kind, text in HOSTILE.items()}

    assert {kind: cost for kind, cost in costs.items() if cost > AT_MOST} == {}


def test_no_spelling_of_an_allowed_text_is_longer_than_what_is_looked_at():
    decomposed = (unicodedata.normalize("NFD", chr(c)) for c in range(sys.maxunicode + 1))

    assert max(map(len, decomposed)) == SPELLED_OUT


# Each is one character of four code points when it is spelled out.

LONGEST_NAME, LONGEST_PASSWORD = "\u1fa7" * 50, "\u1fa7" * 24


def test_the_longest_spelling_of_a_name_and_of_a_password_is_taken():
    name, password = (unicodedata.normalize("NFD", t) for t in (LONGEST_NAME, LONGEST_PASSWORD))
    assert (len(name), len(password)) == (200, 96)

    assert Username.parse(name).value == LONGEST_NAME
    assert Password.parse(password).value == LONGEST_PASSWORD


def test_a_name_of_combining_marks_is_refused_before_it_is_normalised():
    with pytest.raises(InvalidInput, match=r"^A user name has 3 to 50 characters\.$"):
        Username.parse(MARKS_OUT_OF_ORDER)


def test_a_password_of_combining_marks_is_refused_before_it_is_normalised():
    with pytest.raises(InvalidInput, match=r"^A password has at most 72 bytes in UTF-8\.$"):
        Password.parse(MARKS_OUT_OF_ORDER)


def test_what_is_too_long_to_be_anyones_password_stays_as_it_is():
    assert normalise_password(MARKS_OUT_OF_ORDER) is MARKS_OUT_OF_ORDER

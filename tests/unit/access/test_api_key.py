from datetime import timedelta

import pytest

from examples import NOW, an_id
from referral.domain.access.api_key import (
    ALPHABET,
    ApiKey,
    digest_of_key,
    ensure_may_end,
    key_name,
    key_of,
)
from referral.domain.access.caller import Caller, KeyId, Scope
from referral.domain.access.errors import InvalidAccessToken
from referral.domain.access.refresh_token import digest_of
from referral.domain.errors import InvalidInput

SECRET = "0Aa" * 10
KEY = key_of(SECRET)


def test_a_key_has_a_prefix_and_a_checksum():
    assert f"rk_{SECRET}4YGy83" == KEY


def test_a_checksum_of_few_digits_is_filled_up():
    secret = "a" * 24 + "615926"

    assert key_of(secret) == f"rk_{secret}0000d6"


def test_what_is_kept_of_a_key_is_its_digest():
    assert digest_of_key(KEY) == digest_of(KEY)


def test_every_slip_of_one_character_is_noticed():
    for at in range(len("rk_"), len(KEY)):
        for other in ALPHABET.replace(KEY[at], ""):
            with pytest.raises(InvalidAccessToken):
                digest_of_key(KEY[:at] + other + KEY[at + 1 :])


def test_every_two_neighbours_that_are_swapped_are_noticed():
    for at in range(len("rk_"), len(KEY) - 1):
        swapped = KEY[:at] + KEY[at + 1] + KEY[at] + KEY[at + 2 :]
        if swapped != KEY:
            with pytest.raises(InvalidAccessToken):
                digest_of_key(swapped)


@pytest.mark.parametrize(
    "text",
    ["", "rk_", SECRET, KEY[:-1], f"{KEY}0", KEY.upper(), f" {KEY}", f"{KEY}\n", f"{KEY[:-1]}é"],
)
def test_what_never_was_a_key_is_told_so(text):
    with pytest.raises(InvalidAccessToken, match="This is no API key; it may be mistyped"):
        digest_of_key(text)


def a_key(**changes):
    given = {
        "id": KeyId(an_id(7)),
        "name": "shop",
        "digest": digest_of_key(KEY),
        "scopes": frozenset({Scope.EVENTS_WRITE}),
        "created_at": NOW,
    }
    return ApiKey(**{**given, **changes})


def test_who_calls_with_a_key_has_its_scopes():
    assert a_key().caller(NOW) == Caller(
        key_name="shop", key_id=KeyId(an_id(7)), scopes=frozenset({Scope.EVENTS_WRITE})
    )


def test_a_key_is_good_until_it_expires():
    key = a_key(expires_at=NOW + timedelta(hours=1))
    key.caller(NOW + timedelta(hours=1, microseconds=-1))

    with pytest.raises(InvalidAccessToken):
        key.caller(NOW + timedelta(hours=1))


def test_a_key_does_not_show_what_is_kept_of_it():
    assert "digest" not in repr(a_key())


@pytest.mark.parametrize(
    "name", ["x", "shop", "x" * 100, "Ключ ✓", "two words", "\N{GRINNING FACE}"]
)
def test_a_name_has_1_to_100_printable_characters(name):
    assert key_name(name) == name


@pytest.mark.parametrize(
    "name", ["", " ", "x" * 101, "x" * 10_000_000, " x", "x ", "a\nb", "a\0b", "\ud800", "\u202e"]
)
def test_any_other_name_is_refused(name):
    with pytest.raises(InvalidInput, match="A key's name has 1 to 100 printable characters"):
        key_name(name)


def test_a_name_is_one_however_its_accents_are_typed():
    assert key_name("Cafe\u0301") == "Caf\u00e9"


def test_a_key_ends_in_the_future():
    ensure_may_end(NOW + timedelta(microseconds=1), NOW)

    with pytest.raises(InvalidInput, match=r"A key expires in the future\."):
        ensure_may_end(NOW, NOW)

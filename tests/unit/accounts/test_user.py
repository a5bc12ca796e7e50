import re
import sys
import time
import unicodedata

import pytest

from examples import NOW, a_user
from referral.domain.accounts.user import (
    EmailAddress,
    ErasedUser,
    Password,
    Username,
    normalise_password,
)
from referral.domain.errors import InvalidInput


@pytest.mark.parametrize("raw", ["ann", "a" * 50, "a.b@c+d-e_f", "Анна", "名前名", "x٣x", "007"])
def test_a_user_name_is_3_to_50_letters_digits_and_a_few_signs(raw):
    assert Username.parse(raw).value == raw


@pytest.mark.parametrize("raw", ["", "ab", "a" * 51])
def test_a_user_name_of_another_length_is_refused(raw):
    with pytest.raises(InvalidInput, match=r"^A user name has 3 to 50 characters\.$"):
        Username.parse(raw)


@pytest.mark.parametrize(
    "raw", ["a b", "ann\0", "ann!", "a/b", "ann\n", "ann\u200b", "ann\u202e", "a,b", "qq\u0301q"]
)
def test_a_user_name_of_other_characters_is_refused(raw):
    with pytest.raises(
        InvalidInput, match=r"^A user name is made of letters, digits and \. @ \+ - _ only\.$"
    ):
        Username.parse(raw)


# DerivedCoreProperties.txt, Default_Ignorable_Code_Point, which Unicode promises to keep for what is assigned.
DEFAULT_IGNORABLE = """
    00AD 034F 061C 115F-1160 17B4-17B5 180B-180F 200B-200F 202A-202E 2060-206F 3164 FE00-FE0F FEFF FFA0
    FFF0-FFF8 1BCA0-1BCA3 1D173-1D17A E0000-E0FFF
"""


def test_a_letter_that_shows_as_nothing_is_refused_whichever_it_is():
    ignorable = set()
    for first, _, last in (part.partition("-") for part in DEFAULT_IGNORABLE.split()):
        ignorable |= {*map(chr, range(int(first, 16), int(last or first, 16) + 1))}
    letters = [c for c in map(chr, range(sys.maxunicode + 1)) if c.isalpha()]
    blank = [
        c
        for c in letters
        if c in ignorable or re.search(r"\b(FILLER|BLANK)\b", unicodedata.name(c, ""))
    ]

    assert {"\u3164", "\uffa0", "\u115f", "\u1160"} <= {*blank}
    for c in blank:
        with pytest.raises(InvalidInput):
            Username.parse(f"ann{c}")
        with pytest.raises(InvalidInput):
            Username.parse(c * 3)


def test_the_length_of_a_user_name_counts_after_normalisation():
    ligature_of_three_letters = "ﬃ"

    assert Username.parse(ligature_of_three_letters).value == "ffi"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ann", "aNN"),
        ("Straße", "STRASSE"),
        ("ａｎｎ", "ann"),
        ("Zoe\u0308", "zoë"),
        ("İpek", "i̇pek"),
    ],
)
def test_user_names_that_read_the_same_are_one_name(one, other):
    assert Username.parse(one).key == Username(other).key


def test_user_names_that_read_differently_are_two():
    assert Username.parse("ann").key != Username.parse("anna").key


def test_case_makes_no_difference_to_an_address():
    assert EmailAddress("Ann@Example.org").key == EmailAddress("aNN@eXAMPLE.org").key


@pytest.mark.parametrize(
    "raw",
    ["8 chars!", "x" * 72, "пароль!!", "🐎" * 18, "only letters and spaces", "64 chars" * 8],
)
def test_a02_a_password_may_be_made_of_anything(raw):
    assert Password.parse(raw).value == raw


@pytest.mark.parametrize("raw", ["", "7 chars", "🐎" * 7])
def test_a01_a_password_of_fewer_than_8_characters_is_refused(raw):
    with pytest.raises(InvalidInput, match=r"^A password has at least 8 characters\.$"):
        Password.parse(raw)


@pytest.mark.parametrize("raw", ["x" * 73, "🐎" * 18 + "x", "x" * 71 + "é"])
def test_a03_a_password_of_more_than_72_bytes_is_refused_and_never_cut(raw):
    with pytest.raises(InvalidInput, match=r"^A password has at most 72 bytes in UTF-8\.$"):
        Password.parse(raw)


@pytest.mark.parametrize(
    "raw", ["aaaaaaaa", "aAaAaAaA", "abababab", "12121212", "12341234", "🐎" * 15, "e\u0301" * 15]
)
def test_a06_a_short_password_of_few_characters_is_refused(raw):
    with pytest.raises(
        InvalidInput,
        match=r"^A password of fewer than 16 characters has at least 5 different ones\.$",
    ):
        Password.parse(raw)


@pytest.mark.parametrize("raw", ["12345123", "aaaabbbbccccdde", "🐎" * 16, "ab" * 8])
def test_a_password_of_a_few_more_characters_or_a_longer_one_is_taken(raw):
    assert Password.parse(raw).value == raw


@pytest.mark.parametrize(
    ("raw", "forms"),
    [
        ("Q123werty!23", {"q123werty!23", "q123werty!2", "q123werty!", "q123werty"}),
        ("Passw0rd!", {"passw0rd!", "passw0rd"}),
        (" Secrets1", {" secrets1", "secrets1", " secrets"}),
        (
            "1234567890",
            {"1234567890", "123456789", "12345678", "234567890", "23456789", "34567890"},
        ),
        ("correct horse", {"correct horse"}),
    ],
)
def test_a_password_is_looked_at_without_what_decorates_its_ends(raw, forms):
    assert Password.parse(raw).undecorated() == forms


def test_e12_a_password_of_nothing_but_decorations_takes_no_time():
    started = time.thread_time()
    Password.parse("1!2?3+4-" * 9).undecorated()

    assert time.thread_time() - started < 0.005


@pytest.mark.parametrize("control", ["\0", "\n", "\x7f", "\x85", "\ud800"])
def test_a07_a_password_with_a_control_character_or_half_a_surrogate_is_refused(control):
    with pytest.raises(InvalidInput, match=r"^A password has no control characters\.$"):
        Password.parse(f"password{control}")


def test_a08_a_password_is_the_same_however_its_accents_were_typed():
    composed, decomposed = "caf\u00e9 au lait", "cafe\u0301 au lait"

    assert Password.parse(composed) == Password.parse(decomposed)
    assert normalise_password(composed) == normalise_password(decomposed)


def test_72_bytes_count_after_normalisation():
    assert Password.parse("e\u0301" * 36).value == "\u00e9" * 36


@pytest.mark.parametrize(
    "raw", ["ann.example", "ANN.Example", "ann@example.org", "Ann@Example.ORG"]
)
def test_a06_a_password_that_is_the_user_name_or_the_address_is_refused(raw):
    password = Password.parse(raw)

    with pytest.raises(
        InvalidInput, match=r"^A password is not the user name or the e-mail address\.$"
    ):
        password.ensure_unlike(Username("ann.example"), EmailAddress("ann@example.org"))


def test_a_password_that_only_contains_the_user_name_is_taken():
    Password.parse("ann.example!").ensure_unlike(Username("ann.example"))


def test_a_new_password_makes_a_new_version_of_the_credentials():
    ann = a_user("ann")

    changed = ann.with_password("another hash")

    assert changed.password_hash == "another hash"
    assert changed.credentials_version == ann.credentials_version + 1


def test_neither_a_password_nor_its_hash_shows_when_printed():
    assert "hash of ann" not in repr(a_user("ann"))
    assert "battery" not in repr(Password.parse("correct horse battery"))


def test_of_an_erased_user_stays_a_new_version_of_the_credentials_and_no_name():
    ann = a_user("ann")

    erased = ann.erased(NOW)

    assert erased == ErasedUser(id=ann.id, credentials_version=2, erased_at=NOW)
    assert "ann" not in repr(erased)

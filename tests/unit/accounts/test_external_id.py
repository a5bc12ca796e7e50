import pytest

from referral.domain.accounts.external_id import ExternalId, Locale
from referral.domain.errors import InvalidInput


@pytest.mark.parametrize("raw", ["4", "customer 42", "Ä/ö?#%", "x" * 128, "users:1", "0"])
def test_an_external_id_is_taken_as_it_is(raw):
    assert ExternalId.parse(raw).value == raw


@pytest.mark.parametrize(
    "raw", ["", "x" * 129, "a\nb", "a\0b", " 42", "42 ", "\u200b", "\ud800", "user:", "user:42"]
)
def test_one_that_nobody_could_read_or_that_names_by_our_id_is_refused(raw):
    with pytest.raises(InvalidInput, match="An external id"):
        ExternalId.parse(raw)


@pytest.mark.parametrize("raw", ["en", "de-AT", "zh-Hant-TW", "sl-rozaj-biske-1994", "x" * 8])
def test_a_locale_is_a_language_tag(raw):
    assert Locale.parse(raw).value == raw


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "e",
        "de_AT",
        "de-",
        "-de",
        "x" * 9,
        "de-123456789",
        "de AT",
        "ｄｅ",
        "en" + "-abcdefgh" * 4,
    ],
)
def test_what_is_made_otherwise_is_no_locale(raw):
    with pytest.raises(InvalidInput, match="A locale"):
        Locale.parse(raw)

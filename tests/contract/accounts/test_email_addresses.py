import socket

import pytest

from fakes import FakeEmailAddresses
from referral.adapters.email_addresses import ValidatedEmailAddresses
from referral.domain.accounts.user import EmailAddress
from referral.domain.errors import InvalidInput


@pytest.fixture(params=[FakeEmailAddresses, ValidatedEmailAddresses], ids=["fake", "validator"])
def email_addresses(request):
    return request.param()


@pytest.mark.parametrize(
    "raw",
    ["ann@example.org", "Ann.O'Hara+tag@mail.example.org", "test4@test.ru", "анна@example.org"],
)
def test_a_valid_address_is_taken(email_addresses, raw):
    assert email_addresses.parse(raw) == EmailAddress(raw)


def test_case_makes_no_difference_to_the_domain(email_addresses):
    assert email_addresses.parse("Ann@EXAMPLE.Org") == EmailAddress("Ann@example.org")


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "ann",
        "ann@",
        "@example.org",
        "ann@example",
        "ann@@example.org",
        "ann@exa@mple.org",
        "ann @example.org",
        "ann@example .org",
        ".ann@example.org",
        "ann..ann@example.org",
        "ann@example..org",
        "ann@example.org\n",
        "ann@example.org\r\nBcc: bob@example.org",
        "ann\0@example.org",
        "Ann <ann@example.org>",
        "\ud800@example.org",
        "a" * 65 + "@example.org",
    ],
)
def test_d12_any_other_text_is_refused(email_addresses, raw):
    with pytest.raises(InvalidInput):
        email_addresses.parse(raw)


def test_an_address_has_at_most_254_characters(email_addresses):
    domain = ".".join(["d" * 61] * 3)  # 185
    longest = "a" * 64 + "@" + domain + ".org"
    assert len(longest) == 254
    assert email_addresses.parse(longest) == EmailAddress(longest)

    with pytest.raises(InvalidInput):
        email_addresses.parse("a" * 64 + "@d" + domain + ".org")


@pytest.mark.parametrize("raw", ["a" * 10_000 + "@example.org", "a." * 5_000 + "@", "@" * 10_000])
def test_e12_a_very_long_text_is_refused(email_addresses, raw):
    with pytest.raises(InvalidInput):
        email_addresses.parse(raw)


@pytest.mark.parametrize(
    ("raw", "normal"),
    [
        ("ann@bücher.example.org", "ann@bücher.example.org"),
        ("ann@xn--bcher-kva.example.org", "ann@bücher.example.org"),
        ("ann@BÜCHER.example.org", "ann@bücher.example.org"),
        ("zoe\u0308@example.org", "zoë@example.org"),
    ],
)
def test_the_validator_knows_one_spelling_of_international_addresses(raw, normal):
    assert ValidatedEmailAddresses().parse(raw) == EmailAddress(normal)


def test_the_validator_asks_no_dns(monkeypatch):
    def refuse(*_):
        raise AssertionError

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)

    assert ValidatedEmailAddresses().parse("ann@no-such-domain.example")

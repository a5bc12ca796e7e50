import pytest

from fakes import FakeCommonPasswords
from referral.application.accounts.password_rule import PasswordRule
from referral.domain.accounts.user import EmailAddress, Password, Username
from referral.domain.errors import InvalidInput

password_rule = PasswordRule(FakeCommonPasswords())


def test_an_uncommon_password_is_taken():
    taken = password_rule("correct horse battery")

    assert taken == Password("correct horse battery")


@pytest.mark.parametrize("raw", ["password123", "PassWord123"])
def test_a_common_password_is_refused_in_any_case(raw):
    with pytest.raises(
        InvalidInput, match=r"^This password is among the most common ones; choose another\.$"
    ):
        password_rule(raw)


@pytest.mark.parametrize(
    "raw",
    [
        "Password123!",
        "!!!password123",
        "ILoveYou-2030",
        "(iloveyou)",
        "referral",
        "Referral1!",
        "2030referral",
        "98765432",
        "abcdefgh",
        "Qwertyuiop",
        "lkjhgfds",
        "abcdefgh99!",
    ],
)
def test_a06_a_common_password_with_decorations_or_one_that_is_easy_here_is_refused(raw):
    with pytest.raises(InvalidInput, match="most common"):
        password_rule(raw)


@pytest.mark.parametrize(
    "raw",
    [
        "Q123werty!23",
        "my password123",
        "password123x",
        "refer-all-2",
        "2030-ab-2031",
        "qwerty-abc-1",
    ],
)
def test_an_uncommon_password_may_contain_a_common_one(raw):
    assert password_rule(raw) == Password(raw)


def test_ones_own_name_or_address_is_refused():
    own = (Username("Ann.Example"), EmailAddress("Ann@example.org"))

    for raw in ("ann.example", "ann@example.org"):
        with pytest.raises(InvalidInput, match="not the user name"):
            password_rule(raw, unlike=own)


def test_a_short_password_is_refused():
    with pytest.raises(InvalidInput, match="at least 8"):
        password_rule("short")

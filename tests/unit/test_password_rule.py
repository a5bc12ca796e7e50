import pytest

from fakes import FakeCommonPasswords
from referral.application.password_rule import PasswordRule
from referral.domain.errors import InvalidInput
from referral.domain.user import EmailAddress, Password, Username

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


def test_ones_own_name_or_address_is_refused():
    own = (Username("Ann.Example"), EmailAddress("Ann@example.org"))

    for raw in ("ann.example", "ann@example.org"):
        with pytest.raises(InvalidInput, match="not the user name"):
            password_rule(raw, unlike=own)


def test_a_short_password_is_refused():
    with pytest.raises(InvalidInput, match="at least 8"):
        password_rule("short")

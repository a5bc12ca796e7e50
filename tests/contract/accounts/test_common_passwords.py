from contextlib import suppress
from importlib.resources import files

import pytest

from fakes import FakeCommonPasswords
from referral.adapters.credentials.common_passwords import ListedCommonPasswords
from referral.application.accounts.password_rule import PasswordRule
from referral.domain.errors import InvalidInput


@pytest.fixture(params=[FakeCommonPasswords, ListedCommonPasswords], ids=["fake", "listed"])
def common_passwords(request):
    return request.param()


@pytest.mark.parametrize(
    "password", ["password", "password123", "PASSWORD", "iloveyou", "ILoveYou"]
)
def test_a_common_password_is_known_in_any_case(common_passwords, password):
    assert password in common_passwords


@pytest.mark.parametrize("password", ["", "correct horse battery", "Q123werty!23", " password", 42])
def test_an_uncommon_one_is_not(common_passwords, password):
    assert password not in common_passwords


@pytest.mark.parametrize("password", ["Passw0rd!", "Password1!", "12345678!", "Football99"])
def test_a06_decorations_do_not_help_against_the_list(password):
    with pytest.raises(InvalidInput):
        PasswordRule(ListedCommonPasswords())(password)


@pytest.mark.parametrize("password", ["Q123werty!23", "correct horse battery"])
def test_the_list_has_nothing_against_a_good_password(password):
    assert PasswordRule(ListedCommonPasswords())(password).value == password


@pytest.mark.parametrize("password", ["12345678", "qwertyuiop", "baseball", "trustno1", "football"])
def test_a06_the_list_has_those_at_the_top(password):
    assert password in ListedCommonPasswords()


@pytest.mark.parametrize("written", ["{}", "{}!", "{}1!", "({})"])
def test_a06_nothing_on_the_list_is_taken(written):
    rule = PasswordRule(ListedCommonPasswords())
    taken = []
    listed = (
        files("referral.adapters.credentials").joinpath("common_passwords.txt").read_text("utf-8")
    )
    for line in listed.splitlines():
        for password in (line, line.upper()):
            with suppress(InvalidInput):
                taken.append(rule(written.format(password)))

    assert taken == []

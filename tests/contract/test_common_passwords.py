import pytest

from fakes import FakeCommonPasswords
from referral.adapters.common_passwords import ListedCommonPasswords


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


@pytest.mark.parametrize("password", ["12345678", "qwertyuiop", "baseball", "trustno1", "football"])
def test_a06_the_list_has_those_at_the_top(password):
    assert password in ListedCommonPasswords()

import pytest

from fakes import FakeCommonPasswords, FakeEmailAddresses
from referral.application.accounts.password_rule import PasswordRule
from referral.application.input_rules import InputRules
from referral.application.webhooks.endpoint_rules import EndpointRules
from referral.domain.errors import InvalidInput


@pytest.fixture
def rules(clock):
    return InputRules(
        FakeEmailAddresses(),
        PasswordRule(FakeCommonPasswords()),
        clock,
        EndpointRules(private_networks=False),
    )


def test_a_name_with_an_at_sign_is_the_users_own_address(rules):
    name = rules.username("ann@example.org", email="Ann@example.org")

    assert name.value == "ann@example.org"
    with pytest.raises(InvalidInput, match=r"^A user name has no @"):
        rules.username("bob@example.org", email="ann@example.org")


@pytest.mark.parametrize("email", ["", "nowhere"])
def test_a_name_is_not_compared_with_what_is_no_address(rules, email):
    assert rules.username("ann@example.org", email=email).value == "ann@example.org"

import pytest

from fakes import FakeDisposableAddresses
from referral.adapters.disposable_addresses import ListedDisposableAddresses
from referral.domain.accounts.user import EmailAddress


@pytest.fixture(params=[FakeDisposableAddresses, ListedDisposableAddresses], ids=["fake", "listed"])
def disposable(request):
    return request.param()


@pytest.mark.parametrize("domain", ["mailinator.com", "MAILINATOR.com", "of.mine.mailinator.com"])
def test_a_throw_away_address_is_known_below_its_domain_too(disposable, domain):
    assert EmailAddress(f"ann@{domain}") in disposable


@pytest.mark.parametrize("domain", ["gmail.com", "example.org", "mailinator.example.org", "com"])
def test_another_is_not(disposable, domain):
    assert EmailAddress(f"mailinator.com@{domain}") not in disposable

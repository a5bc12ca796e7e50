"""Names of networks, which say nothing of them."""

import pytest

from fakes import FakeNetworks
from referral.adapters.credentials.network_names import HashedNetworks

OLD, NEW = "an old secret of the service", "a new secret of the service"


@pytest.fixture(params=["fake", "hashed"])
def networks(request):
    """By these secrets, of which the first is in force."""
    return FakeNetworks if request.param == "fake" else lambda *secrets: HashedNetworks(secrets)


@pytest.mark.parametrize(
    "addresses",
    [
        ("192.0.2.1", "192.0.2.254"),
        ("2001:db8:0:1::/64", "2001:db8:0:1::7", "2001:db8:0:1:ffff::"),
    ],
)
def test_all_addresses_of_a_network_have_one_name(networks, addresses):
    assert len({tuple(networks(NEW).names_of(address)) for address in addresses}) == 1


def test_another_network_has_another_name(networks):
    addresses = ("192.0.2.1", "192.0.3.1", "2001:db8:0:1::/64", "2001:db8:0:2::/64")

    assert len({name for address in addresses for name in networks(NEW).names_of(address)}) == 4


@pytest.mark.parametrize("address", [None, "", "localhost", "192.0.2", "x" * 300])
def test_what_is_no_address_is_of_no_network(networks, address):
    assert networks(NEW).names_of(address) == ()


def test_a_network_keeps_its_old_name_while_the_old_secret_is_there(networks):
    [old] = networks(OLD).names_of("192.0.2.1")

    new, former = networks(NEW, OLD).names_of("192.0.2.1")

    assert (former, [new]) == (old, networks(NEW).names_of("192.0.2.1"))
    assert new != old


def test_a_name_is_nothing_but_a_keyed_hash():
    [name] = HashedNetworks([NEW]).names_of("192.0.2.1")

    assert len(name) == 32
    assert b"192" not in name
    assert name not in HashedNetworks([OLD]).names_of("192.0.2.1")

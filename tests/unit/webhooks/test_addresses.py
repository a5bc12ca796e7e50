"""Which addresses are the internet's: each that is not belongs to somebody who trusts this machine."""

import pytest

from examples import NOT_PUBLIC
from referral.domain.webhooks.addresses import is_public

PUBLIC = [
    *("1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0"),
    *("172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0", "198.17.255.255"),
    *("198.20.0.0", "223.255.255.255", "168.63.129.15", "169.253.255.255", "169.255.0.0"),
    *("2606:4700:4700::1111", "2a00:1450::1", "2001:200::1", "2001:4860:4860::8888", "3ffe::1"),
]


def test_there_are_many_addresses_to_refuse():
    assert len({*NOT_PUBLIC}) >= 40


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_an_address_that_is_not_the_internets_is_refused(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_not(address):
    assert is_public(address)


@pytest.mark.parametrize("text", ["", "localhost", "example.org", "0x7f.1", "2130706433", "1.1.1"])
def test_what_is_no_address_is_not_public(text):
    assert not is_public(text)

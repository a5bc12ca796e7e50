"""Which addresses are the internet's: each that is not belongs to somebody who trusts this machine."""

import pytest

from referral.domain.webhooks.addresses import is_public

REFUSED = [
    *("0.0.0.0", "0.1.2.3"),  # this host
    *("10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255"),  # private
    *("192.168.0.1", "192.168.255.255"),
    *("100.64.0.1", "100.127.255.254", "100.100.100.200"),  # a provider's; Alibaba's metadata
    *("127.0.0.1", "127.255.255.254"),  # loopback
    *("169.254.0.1", "169.254.169.254", "169.254.170.2"),  # link-local; metadata
    *("168.63.129.16", "192.0.0.1", "192.0.0.192"),  # Azure's metadata, Oracle's
    *("192.0.2.1", "198.51.100.1", "203.0.113.1"),  # documentation
    *("192.88.99.1", "198.18.0.1", "198.19.255.255"),  # 6to4 relays, benchmarks
    *("224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "::127.0.0.1"),  # unspecified, loopback, IPv4-compatible
    *("::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:0:8.8.8.8"),  # IPv4-mapped, translated
    *("64:ff9b::127.0.0.1", "64:ff9b::8.8.8.8", "64:ff9b:1::1"),  # NAT64
    *("100::1", "2001::1", "2001:0:4136:e378::1", "2001:2::1", "2001:10::1", "2001:20::1"),
    *("2001:db8::1", "3fff::1", "2002:7f00:1::", "2002:808:808::"),  # documentation, 6to4
    *("fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "ff0e::1"),
    *("5f00::1", "4000::1"),  # segment routing, not given out
]
PUBLIC = [
    *("1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0"),
    *("172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0", "198.17.255.255"),
    *("198.20.0.0", "223.255.255.255", "168.63.129.15", "169.253.255.255", "169.255.0.0"),
    *("2606:4700:4700::1111", "2a00:1450::1", "2001:200::1", "2001:4860:4860::8888", "3ffe::1"),
]


def test_there_are_many_addresses_to_refuse():
    assert len({*REFUSED}) >= 40


@pytest.mark.parametrize("address", REFUSED)
def test_an_address_that_is_not_the_internets_is_refused(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_not(address):
    assert is_public(address)


@pytest.mark.parametrize("text", ["", "localhost", "example.org", "0x7f.1", "2130706433", "1.1.1"])
def test_what_is_no_address_is_not_public(text):
    assert not is_public(text)

"""Which address a call counts for, whatever its headers say."""

import ipaddress
import time
from types import SimpleNamespace

import pytest

from referral.entrypoints.http.request.caller import client_address

PROXIES = [
    ipaddress.ip_network(network) for network in ("10.0.0.0/8", "2001:db8:ffff::/48", "::1/128")
]
PROXY = "10.0.0.1"


def address_of(client, *lines, proxies=PROXIES):
    headers = [(b"host", b"localhost"), *((b"x-forwarded-for", line.encode()) for line in lines)]
    scope = {"client": client and (client, 4711), "headers": headers}
    return client_address(SimpleNamespace(scope=scope), proxies)


SPELLINGS = {
    "192.0.2.1": [
        "192.0.2.1",
        "192.0.2.1:80",
        "192.0.2.1:65535",
        "::ffff:192.0.2.1",
        "::FFFF:192.0.2.1",
        "::ffff:c000:201",
        "::ffff:c000:0201",
        "0:0:0:0:0:ffff:192.0.2.1",
        "0000:0000:0000:0000:0000:ffff:c000:0201",
        "::ffff:192.0.2.1%eth0",
        "[::ffff:192.0.2.1]",
        "[::ffff:192.0.2.1]:443",
    ],
    "2001:db8::/64": [
        "2001:db8::",
        "2001:db8::1",
        "2001:DB8::1",
        "2001:0db8:0000:0000:0000:0000:0000:0001",
        "2001:db8:0:0:0:0:0:1",
        "2001:db8::ffff:ffff:ffff:ffff",
        "2001:db8::192.0.2.1",
        "2001:db8::1%eth0",
        "2001:db8::1%25",
        "[2001:db8::1]",
        "[2001:db8::2]:443",
        "[2001:db8::1%eth0]:443",
    ],
    "2001:db8:0:1::/64": ["2001:db8:0:1::", "[2001:db8:0:1:ffff::]:1"],
    "fe80::/64": ["fe80::1", "fe80::1%eth0", "fe80::2%1"],
    "::/64": ["::", "::2", "::192.0.2.1"],
}


@pytest.mark.parametrize(
    ("spelling", "caller"), [(s, caller) for caller, given in SPELLINGS.items() for s in given]
)
def test_a15_one_caller_has_one_address_however_it_is_spelled(spelling, caller):
    assert address_of(PROXY, spelling) == caller
    assert address_of(PROXY, f"203.0.113.9, {spelling}") == caller
    assert address_of(PROXY, f" \t{spelling} , 10.0.0.2") == caller
    assert address_of(spelling, "203.0.113.9") == caller


JUNK = [
    "",
    " ",
    "unknown",
    "_hidden",
    "localhost",
    "example.org",
    "192.0.2",
    "192.0.2.256",
    "192.0.2.01",
    "192.0.2.1.",
    "192.0.2.1:",
    "192.0.2.1:http",
    "192.0.2.1:123456",
    "192.0.2.1:80:80",
    "192.0.2.1/32",
    "192.0.2.1%eth0",
    "192.0.2.1 192.0.2.2",
    "192.0.2.1;",
    '"192.0.2.1"',
    "for=192.0.2.1",
    "3221225985",
    "0xc0000201",
    "-1",
    "2001:db8:::1",
    "2001:db8::1::",
    "2001:db8::g",
    "2001:db8::1/64",
    "2001:db8::1%",
    "[2001:db8::1",
    "2001:db8::1]",
    "[2001:db8::1]443",
    "[]",
    "[]:443",
    "\x00",
    "192.0.2.1\x00",
    "١٩٢.٠.٢.١",
    "192.0.2.²",
    ":" * 10_000,
    "1" * 10_000,
    "1." * 5_000,
    "2001:db8::1%" + "x" * 10_000,
]


@pytest.mark.parametrize("junk", JUNK)
def test_a15_a_hop_that_is_no_address_is_not_believed_nor_is_what_lies_behind_it(junk):
    assert address_of(PROXY, junk) == PROXY
    assert address_of(PROXY, f"203.0.113.9, {junk}") == PROXY
    assert address_of(PROXY, f"203.0.113.9, {junk}, 10.0.0.2") == "10.0.0.2"


@pytest.mark.parametrize("client", [None, "", "/run/referral.sock"])
def test_a15_a_call_from_no_address_says_nothing_of_others(client):
    assert address_of(client, "203.0.113.9") == ""


def test_a15_without_trusted_proxies_the_header_is_nothing():
    assert address_of("192.0.2.1", "203.0.113.9", proxies=[]) == "192.0.2.1"
    assert address_of(PROXY, "203.0.113.9", proxies=[]) == PROXY


def test_a15_a_caller_that_is_no_proxy_is_not_asked_who_sent_it():
    assert address_of("192.0.2.1", "203.0.113.9") == "192.0.2.1"


@pytest.mark.parametrize("proxy", [PROXY, "::ffff:10.0.0.1", "2001:db8:ffff::7", "::1"])
def test_a_proxy_is_trusted_however_its_address_is_spelled(proxy):
    assert address_of(proxy, "203.0.113.9") == "203.0.113.9"


def test_a_chain_of_proxies_is_followed_to_the_first_that_is_not_trusted():
    chain = "198.51.100.1, 203.0.113.9, [2001:db8:ffff::1]:80, ::ffff:10.1.2.3"

    assert address_of(PROXY, chain) == "203.0.113.9"
    assert address_of(PROXY, *chain.split(", ")) == "203.0.113.9"


def test_where_all_hops_are_proxies_the_farthest_counts():
    assert address_of(PROXY, "10.0.0.3, 10.0.0.2") == "10.0.0.3"
    assert address_of(PROXY) == PROXY


def test_a_chain_that_nobody_has_is_not_followed_to_its_end():
    assert address_of(PROXY, ", ".join(["203.0.113.9", *["10.0.0.2"] * 10])) == "10.0.0.2"


HUGE = {
    "hops": [", ".join(["10.0.0.1"] * 1000)],
    "new hops": [", ".join(f"10.0.{n // 256}.{n % 256}" for n in range(1000))],
    "lines": ["10.0.0.1"] * 1000,
    "commas": ["," * 10_000],
    "one hop": ["2001:db8::" + "1" * 10_000],
    "colons": [":" * 10_000],
    "brackets": ["[" * 10_000],
}


@pytest.mark.parametrize("lines", HUGE.values(), ids=HUGE)
def test_e12_a_huge_header_costs_little(lines):
    def seconds():
        started = time.thread_time()
        for _ in range(10):
            address_of(PROXY, *lines)
        return (time.thread_time() - started) / 10

    assert min(seconds() for _ in range(5)) < 0.001

from datetime import timedelta

import pytest

from examples import NOW, an_endpoint
from referral.domain.errors import InvalidInput
from referral.domain.webhooks.endpoint import (
    EndpointStatus,
    endpoint_description,
    endpoint_url,
)
from referral.domain.webhooks.message import PATTERNS, MessageType, event_patterns

GOOD = [
    "https://example.org",
    "https://example.org/",
    "https://example.org:8443/hooks?shop=1&x=%20",
    "https://xn--bcher-kva.example/hooks",
    "https://example.org?x",
    "https://8.8.8.8/hooks",
    "https://[2606:4700::1111]:443/hooks",
    f"https://example.org/{'x' * 1980}",
]
MALFORMED = [
    "",
    "example.org",
    "ftp://example.org/",
    "https://",
    "https:///hooks",
    "https://ann@example.org/",
    "https://ann:hush@example.org/",
    "https://example.org/#part",
    "https://example.org/a b",
    "https://bücher.example/",
    "https://example.org\\@evil.example/",
    "https://example.org/\n",
    "https://example.org:/",
    "https://example.org:123456/",
    "HTTPS://example.org/",
    f"https://example.org/{'x' * 1981}",
]


@pytest.mark.parametrize("url", GOOD)
def test_an_https_address_is_taken_as_it_is(url):
    assert endpoint_url(url, private_networks=False) == url


@pytest.mark.parametrize("url", MALFORMED)
def test_what_is_no_such_address_is_refused_even_for_development(url):
    with pytest.raises(InvalidInput, match="An endpoint has an https address of at most 2000"):
        endpoint_url(url, private_networks=True)


@pytest.mark.parametrize(
    "url", ["https://example.org:0/", "https://example.org:65536/", "https://[:::]/"]
)
def test_an_address_that_leads_nowhere_is_refused(url):
    with pytest.raises(InvalidInput, match="has a host, and a port from 1 to 65535"):
        endpoint_url(url, private_networks=True)


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1/", "https://[::1]/", "https://169.254.169.254/latest"]
)
def test_an_address_that_is_not_public_is_for_development(url):
    with pytest.raises(InvalidInput, match="An endpoint has a public address"):
        endpoint_url(url, private_networks=False)
    assert endpoint_url(url, private_networks=True) == url


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3:8080", "[::1]:8080"])
def test_http_is_for_this_machine_and_for_development(host):
    with pytest.raises(InvalidInput):
        endpoint_url(f"http://{host}/", private_networks=False)
    assert endpoint_url(f"http://{host}/", private_networks=True) == f"http://{host}/"


@pytest.mark.parametrize("host", ["example.org", "10.0.0.1", "localhost.example.org", "8.8.8.8"])
@pytest.mark.parametrize("private_networks", [True, False])
def test_http_to_anywhere_else_is_refused(host, private_networks):
    with pytest.raises(InvalidInput):
        endpoint_url(f"http://{host}/", private_networks=private_networks)


def test_an_http_address_is_told_why_it_is_refused():
    with pytest.raises(InvalidInput, match="http is for development alone"):
        endpoint_url("http://example.org/", private_networks=False)


@pytest.mark.parametrize("text", ["x", "x" * 200, "Die Punkte der Kasse ✓"])
def test_a_description_is_anything_that_people_can_read(text):
    assert endpoint_description(text) == text


@pytest.mark.parametrize("text", ["", " x", "x ", "a\nb", "a\0b", "x" * 201])
def test_other_descriptions_are_refused(text):
    with pytest.raises(InvalidInput, match="A description has 1 to 200 printable characters"):
        endpoint_description(text)


def test_events_are_types_or_all_of_a_subject():
    assert event_patterns(["reward.*", "code.issued", "reward.*"]) == ("reward.*", "code.issued")
    assert event_patterns(PATTERNS) == PATTERNS


@pytest.mark.parametrize(
    "events", [[], ["*"], ["reward"], ["reward."], ["*.created"], ["code.lost"], ["code.*", "x"]]
)
def test_events_that_never_happen_are_refused(events):
    with pytest.raises(InvalidInput, match="Events are one or more types"):
        event_patterns(events)


def test_an_endpoint_hears_what_it_asked_for():
    endpoint = an_endpoint(events=("reward.*", "code.issued"))

    heard = {kind.value for kind in MessageType if endpoint.hears(kind)}

    assert heard == {
        "code.issued",
        *("reward.created", "reward.approved", "reward.paid"),
        *("reward.rejected", "reward.reversed"),
    }


def test_a_disabled_endpoint_hears_nothing_until_it_is_active_again():
    endpoint = an_endpoint()

    disabled = endpoint.become(EndpointStatus.DISABLED, NOW)

    assert (disabled.status, disabled.disabled_at) == (EndpointStatus.DISABLED, NOW)
    assert disabled.disabled_because == "It was disabled by hand."
    assert not disabled.hears(MessageType.CODE_ISSUED)
    assert disabled.become(EndpointStatus.ACTIVE, NOW) == endpoint
    assert endpoint.hears(MessageType.CODE_ISSUED)


def test_an_endpoint_that_was_disabled_keeps_the_reason():
    gone = an_endpoint().disabled(NOW, "It is gone.")

    assert gone.become(EndpointStatus.DISABLED, NOW + timedelta(days=1)) == gone
    assert an_endpoint().become(EndpointStatus.ACTIVE, NOW) == an_endpoint()


def test_the_secret_before_signs_along_for_24_hours():
    endpoint = an_endpoint(secret=b"old")
    assert endpoint.secrets(NOW) == (b"old",)

    rotated = endpoint.rotated(b"new", NOW)

    assert rotated.secrets(NOW) == (b"new", b"old")
    assert rotated.secrets(NOW + timedelta(hours=24, microseconds=-1)) == (b"new", b"old")
    assert rotated.secrets(NOW + timedelta(hours=24)) == (b"new",)


def test_of_three_secrets_the_first_is_worthless_at_once():
    twice = an_endpoint(secret=b"1").rotated(b"2", NOW).rotated(b"3", NOW + timedelta(hours=1))

    assert twice.secrets(NOW + timedelta(hours=24)) == (b"3", b"2")


def test_no_secret_is_shown():
    assert "sealed" not in repr(an_endpoint(former_secret=b"sealed", former_until=NOW))


def test_what_is_no_status_is_refused():
    with pytest.raises(InvalidInput, match="A status is one of active, disabled"):
        EndpointStatus.parse("paused")
    assert EndpointStatus.parse("active") is EndpointStatus.ACTIVE

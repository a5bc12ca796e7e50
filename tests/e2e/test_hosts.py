"""Whom a request is for: one host, which the service answers for."""

import pytest

from raw_http import ask
from servers import running


def answer_to(server, *hosts: str, target: str = "/health/live", version: str = "1.1"):
    lines = "".join(f"Host: {host}\r\n" for host in hosts)
    return ask(server, f"GET {target} HTTP/{version}\r\n{lines}\r\n".encode())


def assert_refused(answer, slug):
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == f"/problems/{slug}"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-request-id"]


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize(
    "hosts", [(), ("",), ("localhost", "localhost"), ("localhost", "evil.example")], ids=str
)
def test_d17_a_request_names_one_host(server, hosts, version):
    assert_refused(answer_to(server, *hosts, version=version), "malformed-request")


@pytest.mark.parametrize(
    "host",
    [
        "localhost:port",
        "localhost:80:80",
        "ann@localhost",
        "local host",
        "localhost/path",
        "localhost,evil.example",
        "[::1",
        "::1",
        "[localhost]:80",
        "%6cocalhost",
        "lócalhost",
    ],
)
def test_d17_a_host_that_is_none_is_refused(server, host):
    assert_refused(answer_to(server, host), "malformed-request")


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "evillocalhost",
        "localhost.localdomain",
        "127.1",
        ".",
    ],
)
def test_d17_a_page_elsewhere_cannot_reach_a_service_on_this_machine_by_a_name_of_its_own(
    server, host
):
    answer = answer_to(server, f"{host}:8000")

    assert_refused(answer, "unknown-host")
    assert "REFERRAL_ALLOWED_HOSTS" in answer.json()["detail"]


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:1", "localhost.", "localhost:", "127.0.0.1", "[::1]:80", "192.0.2.7"],
)
def test_d17_localhost_and_any_ip_address_are_answered_for(server, host):
    for _ in range(2):
        assert answer_to(server, host).status_code == 200


def test_d17_the_host_in_the_target_counts_where_there_is_no_other(server):
    assert answer_to(server, target="http://localhost/health/live").status_code == 200
    assert_refused(answer_to(server, target="http://evil.example/health/live"), "unknown-host")
    assert_refused(answer_to(server, target="http://a@localhost/health/live"), "malformed-request")


def test_d17_only_the_names_in_the_setting_are_answered_for(databases, tmp_path):
    with (
        databases.migrated() as url,
        running(tmp_path, url, allowed_hosts="Example.org, *.example.net") as server,
    ):
        for host in ("example.org", "EXAMPLE.ORG.:443", "a.example.net", "b.a.example.net"):
            assert answer_to(server, host).status_code == 200
        for host in ("localhost", "a.example.org", "example.net", "example.org.evil.example"):
            assert_refused(answer_to(server, host), "unknown-host")


@pytest.mark.parametrize("settings", [{"host": "0.0.0.0"}, {"allowed_hosts": "*"}], ids=str)
def test_d17_any_name_is_answered_for_where_that_is_meant(databases, tmp_path, settings):
    with databases.migrated() as url, running(tmp_path, url, **settings) as server:
        assert answer_to(server, "referral.example.org").status_code == 200
        assert_refused(answer_to(server, "a", "b"), "malformed-request")

"""A server enrols its people under its own ids, with an API key."""

from urllib.parse import quote
from uuid import uuid4

import pytest

from operators import make_keys
from people import details, join, register
from servers import PASSWORD, running


@pytest.fixture(scope="module")
def shop(module_database_url, tmp_path_factory):
    """Calls with the key of a shop; each address is a path under the API's."""
    key = make_keys(module_database_url, shop=["participants:write"])["shop"]
    with (
        running(tmp_path_factory.mktemp("server"), module_database_url, workers=2) as server,
        server.client(headers=key.bearer) as client,
    ):
        yield client


@pytest.fixture
def address():
    """Of somebody new."""
    return f"/participants/customer-{uuid4()}"


def test_someone_is_enrolled_shown_changed_and_erased(shop, address):
    given = {**details(), "locale": "de-AT"}
    del given["password"]

    enrolled = shop.put(address, json=given)
    again = shop.put(address, json=given)
    shown = shop.get(address)
    by_our_id = shop.get(f"/participants/user:{enrolled.json()['id']}")
    changed = shop.put(address, json={"locale": "en"})
    erased = shop.delete(address)

    assert (enrolled.status_code, again.status_code) == (201, 200)
    assert enrolled.json() == again.json() == shown.json() == by_our_id.json()
    assert enrolled.json().items() >= given.items()
    assert enrolled.json()["external_id"] == address.rpartition("/")[2]
    assert changed.json() == {**shown.json(), "locale": "en", "email": None, "username": None}
    assert erased.status_code == 204
    for gone in (shop.get(address), shop.delete(address)):
        assert gone.status_code == 404
        assert gone.json()["type"] == "/problems/participant-not-found"


@pytest.mark.parametrize("external_id", ["a/b", "%2F", "ü ñ", "a?b#c", "..", "x" * 128])
def test_an_external_id_is_any_text_that_can_be_read(shop, external_id):
    address = f"/participants/{quote(external_id, safe='')}"
    if external_id == "..":
        address = "/participants/%2E%2E"

    enrolled = shop.put(address, json={})

    assert enrolled.status_code == 201, enrolled.text
    assert enrolled.json()["external_id"] == external_id
    assert shop.get(address).json() == enrolled.json()


def test_everything_that_is_wrong_is_told_at_once_and_changes_nothing(shop):
    refused = shop.put(
        "/participants/user:42", json={"email": "nobody", "username": "x", "locale": "?"}
    )

    assert refused.status_code == 422
    assert [error["pointer"] for error in refused.json()["errors"]] == [
        "#/external_id",
        "#/email",
        "#/username",
        "#/locale",
    ]


def test_an_address_that_someone_registered_with_is_taken(shop, address):
    person = register(shop)

    refused = shop.put(address, json={"email": person["email"].upper()})

    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/email-taken")
    assert shop.get(address).status_code == 404


def test_who_was_enrolled_cannot_log_in_and_cannot_be_registered_again(shop, address):
    given = details()
    shop.put(address, json={"email": given["email"], "username": given["username"]})

    for name in (given["email"], given["username"]):
        answer = shop.post("/auth/token", json={"username": name, "password": PASSWORD})
        assert answer.status_code == 401
    assert shop.post("/auth/user", json=given).status_code == 409


def test_who_registered_is_shown_by_our_id_and_erased(shop):
    person = join(shop)
    address = f"/participants/user:{person.id}"

    shown = shop.get(address).json()
    assert (shown["email"], shown["external_id"]) == (person.email, None)
    assert shop.delete(address).status_code == 204

    assert person.get("/users/me").status_code == 401

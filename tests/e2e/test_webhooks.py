"""Webhook endpoints, over a real server with two workers."""

import httpx
import pytest

from databases import query
from operators import make_keys
from servers import eventually

URL = "https://shop.example.org/hooks"


@pytest.fixture(scope="module")
def shop(server):
    """Calls with a key for webhooks, which each worker knows."""
    [key] = make_keys(server.database_url, shop=["webhooks:write"]).values()

    def is_known():
        return all(
            httpx.get(f"{server.api}/webhooks", headers=key.bearer).is_success for _ in "abcdefgh"
        )

    eventually(is_known)
    with server.client() as client:
        client.headers.update(key.bearer)
        yield client


@pytest.fixture
def made(shop):
    answer = shop.post("/webhooks", json={"url": URL, "events": ["reward.*"]})
    assert answer.status_code == 201
    return answer.json()


def test_an_endpoint_is_made_changed_and_deleted(shop, made):
    secret = made.pop("secret")
    assert made == {
        "id": made["id"],
        "url": URL,
        "events": ["reward.*"],
        "description": None,
        "status": "active",
        "disabled_because": None,
        "created_at": made["created_at"],
    }
    place = f"/webhooks/{made['id']}"
    assert shop.get(place).json() == made
    assert made in shop.get("/webhooks").json()["items"]

    change = {"events": ["code.issued"], "description": "Points", "status": "disabled"}
    changed = shop.patch(place, json=change)

    assert changed.status_code == 200
    assert changed.json() == {
        **made,
        **change,
        "disabled_because": "It was disabled by hand.",
    }
    assert shop.patch(place, json={"description": None}).json()["description"] is None
    assert secret not in shop.get(place).text
    assert shop.delete(place).status_code == 204
    for gone in (shop.get(place), shop.patch(place, json={}), shop.delete(place)):
        assert gone.status_code == 404
        assert gone.json()["type"] == "/problems/endpoint-not-found"


def test_a_rotated_secret_is_shown_once(shop, made):
    rotated = shop.post(f"/webhooks/{made['id']}/rotate-secret")

    assert rotated.status_code == 200
    assert rotated.json()["secret"] != made["secret"]
    assert "secret" not in shop.get(f"/webhooks/{made['id']}").json()


def test_all_that_is_wrong_with_an_endpoint_is_told_at_once(shop):
    refused = shop.post(
        "/webhooks", json={"url": "https://10.0.0.1/", "events": ["*"], "description": " "}
    )

    assert refused.status_code == 422
    assert [error["pointer"] for error in refused.json()["errors"]] == [
        *("#/url", "#/events", "#/description")
    ]
    mixed = shop.post("/webhooks", json={"url": "https://10.0.0.1/", "events": 1})
    assert mixed.status_code == 400
    assert [error["pointer"] for error in mixed.json()["errors"]] == ["#/events", "#/url"]


def test_what_is_stored_of_a_secret_is_sealed(server, made):
    [(stored,)] = query(
        server.database_url,
        f"SELECT webhook_endpoints::text FROM webhook_endpoints WHERE id = '{made['id']}'",
    )

    assert made["secret"].removeprefix("whsec_") not in stored

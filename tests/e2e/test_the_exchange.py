"""The exchange that the service was started from, call by call."""

import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

from people import join, log_in
from servers import PASSWORD


def test_the_exchange(client):
    referrer = join(client, username="admin1", email="test1@test.ru")
    assert referrer.issue(code="12AF32CF8978").status_code == 201
    for number in (2, 3):
        client.post(
            "/auth/user/12AF32CF8978",
            json={
                "username": f"admin{number}",
                "email": f"test{number}@test.ru",
                "password": PASSWORD,
            },
        )

    # Register with a code
    answer = client.post(
        "/auth/user/12AF32CF8978",
        json={"username": "admin4", "email": "test4@test.ru", "password": PASSWORD},
    )
    assert answer.status_code == 201
    referee = answer.json()
    assert referee == {
        "id": str(UUID(referee["id"])),
        "email": "test4@test.ru",
        "username": "admin4",
    }

    # Log in
    answer = client.post("/auth/token", json={"username": "admin4", "password": PASSWORD})
    assert answer.status_code == 200
    assert answer.json().keys() == {"access_token", "token_type", "expires_in", "refresh_token"}
    assert answer.json()["access_token"].startswith("eyJ")
    assert answer.json()["token_type"] == "Bearer"

    # See who signed up; the id is written without dashes
    referrer.tokens = log_in(client, "admin1")
    answer = referrer.get(f"/users/{UUID(referrer.id).hex}")
    assert answer.status_code == 200
    page = answer.json()
    assert [item["username"] for item in page["items"]] == ["admin4", "admin3", "admin2"]
    assert referee.items() <= page["items"][0].items()
    assert (page["total"], page["page"], page["size"], page["pages"]) == (3, 1, 50, 1)

    # Issue a code that has expired already
    answer = referrer.post("/codes", {"code": "FFFF12345678", "expires_at": "2023-10-10 12:00"})
    assert answer.status_code == 422
    assert answer.json()["detail"] == "Expires time less than current time"

    # Withdraw the code, and issue another one
    answer = referrer.delete("/codes/12AF32CF8978")
    assert answer.status_code == 204
    answer = referrer.post("/codes", {"code": "FFFF12345678", "expires_at": "2030-10-10 12:00"})
    assert answer.status_code == 201
    code = answer.json()
    assert code == {
        "id": code["id"],
        "user_id": referrer.id,
        "code": "FFFF12345678",
        "expires_at": "2030-10-10T12:00:00Z",
        "is_active": True,
    }
    assert isinstance(code["id"], int)

    # Withdraw a code
    assert referrer.issue(code="JJJJ1234KKKK", replace_active=True).status_code == 201
    answer = referrer.delete("/codes/JJJJ1234KKKK")
    assert answer.status_code == 204
    assert answer.content == b""

    # List one's codes: an expired one is still there, a withdrawn one is not
    in_a_second = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
    assert referrer.issue(code="EXPIRES-SOON", expires_at=in_a_second).status_code == 201
    wait_until_expired(client, "EXPIRES-SOON")
    assert referrer.issue(code="THE-NEXT-ONE").status_code == 201
    answer = referrer.get("/codes/")
    assert answer.status_code == 200
    page = answer.json()
    assert [(item["code"], item["is_active"]) for item in page["items"]] == [
        ("EXPIRES-SOON", False),
        ("THE-NEXT-ONE", True),
    ]
    assert (page["total"], page["page"], page["size"], page["pages"]) == (2, 1, 50, 1)


def wait_until_expired(client, code):
    deadline = time.monotonic() + 5
    while client.get(f"/codes/{code}/status").json()["is_active"]:
        assert time.monotonic() < deadline

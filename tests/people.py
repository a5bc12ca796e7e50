"""Someone who calls the API, with the calls they make most."""

import itertools
from dataclasses import dataclass

import httpx

from servers import PASSWORD

_numbers = itertools.count(1)
FAR = "2030-10-10T12:00:00Z"


@dataclass
class Person:
    """Someone who is registered and logged in."""

    client: httpx.Client
    id: str
    username: str
    email: str
    tokens: dict[str, object]

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens['access_token']}"}

    def get(self, path: str, **options) -> httpx.Response:
        return self.client.get(path, headers=self.bearer, **options)

    def post(self, path: str, body: object) -> httpx.Response:
        return self.client.post(path, headers=self.bearer, json=body)

    def put(self, path: str, body: object) -> httpx.Response:
        return self.client.put(path, headers=self.bearer, json=body)

    def delete(self, path: str, body: object = None) -> httpx.Response:
        return self.client.request("DELETE", path, headers=self.bearer, json=body)

    def issue(self, **body) -> httpx.Response:
        return self.post("/codes", {"expires_at": FAR, **body})

    def new_code(self, **body) -> str:
        response = self.issue(**body)
        assert response.status_code == 201, response.text
        return response.json()["code"]


def details(name: str | None = None) -> dict[str, str]:
    """What someone new registers with."""
    name = name or f"person{next(_numbers)}"
    return {"username": name, "email": f"{name}@example.org", "password": PASSWORD}


def register(client: httpx.Client, code: str | None = None, **changes) -> dict[str, str]:
    response = client.post("/auth/user", json={**details(), **changes, "code": code})
    assert response.status_code == 201, response.text
    return response.json()


def log_in(client: httpx.Client, username: str, password: str = PASSWORD) -> dict[str, object]:
    response = client.post("/auth/token", json={"username": username, "password": password})
    assert response.status_code == 200, response.text
    return response.json()


def join(client: httpx.Client, code: str | None = None, **changes) -> Person:
    """A new person, registered and logged in."""
    me = register(client, code, **changes)
    tokens = log_in(client, me["username"], changes.get("password", PASSWORD))
    return Person(client, me["id"], me["username"], me["email"], tokens)

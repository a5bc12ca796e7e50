"""Every place of the API that takes something from a caller, and a request that is right but for one of them."""

import itertools
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, quote_plus, urlencode

from hostile.description import Description
from hostile.inputs import texts
from hostile.wire import Request
from people import FAR, Person
from servers import PASSWORD

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
NDJSON = "application/x-ndjson"
HEADERS = (
    *(
        "Accept",
        "Accept-Encoding",
        "Accept-Language",
        "Authorization",
        "Cache-Control",
        "Connection",
    ),
    *(
        "Content-Encoding",
        "Content-Type",
        "Cookie",
        "Forwarded",
        "Idempotency-Key",
        "If-None-Match",
    ),
    *(
        "Origin",
        "Range",
        "Referer",
        "TE",
        "Traceparent",
        "Upgrade",
        "User-Agent",
        "X-Forwarded-For",
    ),
    *("X-HTTP-Method-Override", "X-Original-URL", "X-Real-IP", "X-Request-ID"),
)
HEADERS_OF_A_BODY = ("Content-Encoding", "Content-Type", "Expect", "Idempotency-Key")
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")

EVERYWHERE = {"sql", "unicode", ""}
FITTING = {
    "username": {"names", "emails"},
    "email": {"emails"},
    "password": {"passwords"},
    "new_password": {"passwords"},
    "code": {"codes"},
    "email_or_code": {"codes", "emails"},
    "expires_at": {"times"},
    "key_id": {"ids"},
    "endpoint_id": {"ids"},
    "reward_id": {"ids"},
    "payout_id": {"ids"},
    "reference": {"names"},
    "reason": {"names"},
    "as_of": {"times"},
    "url": {"emails"},
    "description": {"names"},
    "from": {"times"},
    "to": {"times"},
    "message": {"ids"},
    "name": {"names"},
    "starts_at": {"times"},
    "ends_at": {"times"},
    "slug": {"names"},
    "program": {"names"},
    "landing_url": {"emails"},
    "version": {"ids"},
    "participant": {"ids", "names"},
    "id": {"ids", "names"},
    "type": {"names"},
    "of": {"ids"},
    "unit": {"codes"},
    "locale": {"names"},
    "occurred_at": {"times"},
    "refresh_token": {"tokens"},
    "token": {"tokens"},
    "user_id": {"ids"},
}

# Of the places that an input fits, it is sent to one in so many: another share for each input, so that every place
# gets its part of every corpus. REFERRAL_TEST_HOSTILE=all sends it to each of them, `make hostile`.
ONE_IN = 1 if os.environ.get("REFERRAL_TEST_HOSTILE") == "all" else 8

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Places:
    """The places of one server's API, called by someone who has an active code; another one issues codes."""

    description: Description
    caller: Person
    code: str
    issuer: Person

    def requests(self, corpus: str) -> Iterator[Request]:
        """Every input of the corpus, each in its share of the places that it fits."""
        for number, value in enumerate(texts(corpus)):
            requests = [*self._fitting(corpus, value)]
            one_in = min(ONE_IN, len(requests))
            yield from requests[number % one_in :: one_in]

    def _fitting(self, corpus: str, value: str) -> Iterator[Request]:
        """The value in every place that takes inputs of the corpus."""
        if corpus == "headers":
            for name in HEADERS:
                yield self.request("GET /api/v1/users/me", headers={name: value})
            for name in HEADERS_OF_A_BODY:
                yield self.request("POST /api/v1/auth/token", headers={name: value})
        elif corpus == "targets":
            for method in METHODS:
                yield Request(method, value)
        for operation in self.description.operations:
            yield from self._whole(operation, corpus, value)
            yield from self._fields(operation, value, corpus)

    def everywhere(self, value: str) -> Iterator[Request]:
        """The value in every place that takes a text, and in the headers that matter."""
        for operation in self.description.operations:
            yield from self._fields(operation, value)
            for name in ("Authorization", "Cookie", "Idempotency-Key", "X-Request-ID"):
                yield self.request(operation, headers={name: value})

    def _whole(self, operation: str, corpus: str, value: str) -> Iterator[Request]:
        """The value as the whole of something: a body, a query string, a token, a JSON value."""
        has = self.description.fields
        match corpus:
            case "bodies" if has(operation, JSON):
                yield self.request(operation, body=value.encode("latin-1"))
            case "bodies" if has(operation, NDJSON):
                lines = value.encode("latin-1"), self.json(operation, "of", "null")
                yield self.request(operation, body=b"\n".join(lines))
            case "forms" if has(operation, FORM):
                body = value.encode("latin-1")
                yield self.request(operation, body=body, headers={"Content-Type": FORM})
            case "numbers":
                for field in has(operation, JSON) or has(operation, NDJSON):
                    yield self.request(operation, body=self.json(operation, field, value))
            case "queries" if self.description.parameters(operation, "query"):
                yield self.request(operation, query=value)
            case "tokens" if self.description.is_protected(operation):
                bearer = f"Bearer {encoded(value).decode('latin-1')}"
                yield self.request(operation, headers={"Authorization": bearer})

    def _fields(self, operation: str, value: str, corpus: str = "") -> Iterator[Request]:
        """The value as a text in each field and parameter that takes inputs of the corpus, or any text."""

        def fitting(fields: list[str]) -> list[str]:
            return [
                field
                for field in fields
                if corpus in EVERYWHERE or corpus in FITTING.get(field, ())
            ]

        described = self.description
        for field in fitting(
            described.fields(operation, JSON) or described.fields(operation, NDJSON)
        ):
            body = self.json(operation, field, spelled(value))
            yield self.request(operation, body=body, private=value)
        for field in fitting(described.fields(operation, FORM)):
            rest = {**self.right(operation), "grant_type": "password"}
            rest.pop(field, None)
            body = f"{urlencode(rest)}&{field}={quoted_plus(value)}".encode()
            yield self.request(operation, body=body, headers={"Content-Type": FORM}, private=value)
        for field in fitting(described.parameters(operation, "path")):
            yield self.request(operation, path={field: quoted(value)})
        for field in fitting(described.parameters(operation, "query")):
            query = f"{field}={quoted_plus(value)}"
            yield self.request(operation, query=query, private=value)

    def request(
        self,
        operation: str,
        *,
        path: dict[str, str] | None = None,
        query: str = "",
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
        private: str = "",
    ) -> Request:
        """The operation with everything right that is not given."""
        method, template = operation.split()
        ours = {
            "user_id": self.caller.id,
            "code": self.code,
            "email_or_code": self.caller.email,
            "key_id": self.caller.id,
            "endpoint_id": self.caller.id,
            "reward_id": self.caller.id,
            "payout_id": self.caller.id,
            "slug": "default",
            "version": "1",
            "participant": f"user:{self.caller.id}",
            "referral_id": self.caller.id,
        }
        target = template.format(**{**ours, **(path or {})}) + (f"?{query}" if query else "")
        caller = self.issuer if operation == "POST /api/v1/codes" else self.caller
        right = {"Authorization": caller.bearer["Authorization"]}
        if method in {"POST", "PUT", "PATCH"} or operation.startswith("DELETE /api/v1/users"):
            is_batch = bool(self.description.fields(operation, NDJSON))
            right["Content-Type"] = NDJSON if is_batch else JSON
            body = json.dumps(self.right(operation)).encode() if body is None else body
        return Request(method, target, {**right, **(headers or {})}, body, private)

    def json(self, operation: str, field: str, value: str) -> bytes:
        """The body with this text as the field's value, whatever it is."""
        rest = {name: kept for name, kept in self.right(operation).items() if name != field}
        members = [
            *(f"{json.dumps(k)}:{json.dumps(v)}" for k, v in rest.items()),
            f'"{field}":{value}',
        ]
        return ("{" + ",".join(members) + "}").encode("utf-8", "surrogatepass")

    def right(self, operation: str) -> dict[str, object]:
        """A body that is taken, but for those that would end the caller's account or token."""
        name = f"hostile{next(_numbers)}"
        return {
            "POST /api/v1/auth/user": _newcomer(name),
            "POST /api/v1/auth/user/{code}": _newcomer(name),
            "POST /api/v1/auth/token": {"username": self.caller.username, "password": PASSWORD},
            "POST /api/v1/auth/revoke": {"token": name},
            "POST /api/v1/users/me/password": {"password": "wrong", "new_password": f"{name} good"},
            "DELETE /api/v1/users/me": {"password": "wrong"},
            "POST /api/v1/codes": {"expires_at": FAR, "replace_active": True},
            "POST /api/v1/keys": {"name": name, "scopes": ["keys:read"]},
            "POST /api/v1/programs": {"slug": name, "name": name, "terms": {}},
            "PATCH /api/v1/programs/{slug}": {"name": name},
            "PUT /api/v1/participants/{participant}": {"locale": "de-AT"},
            "POST /api/v1/events": {"id": name, "type": "visit", "participant": "customer-42"},
            "POST /api/v1/events/batch": {
                "id": name,
                "type": "visit",
                "participant": "customer-42",
            },
            "POST /api/v1/participants/{participant}/codes": {
                "expires_at": FAR,
                "replace_active": True,
            },
            "POST /api/v1/reviews/{referral_id}/release": {"reason": "Looked."},
            "POST /api/v1/reviews/{referral_id}/reject": {"reason": "A fake."},
            "POST /api/v1/rewards/{reward_id}/approve": {"reason": "Known."},
            "POST /api/v1/rewards/{reward_id}/hold": {"reason": "Wait."},
            "POST /api/v1/rewards/{reward_id}/reject": {"reason": "A fake."},
            "POST /api/v1/payouts": {"reference": name, "unit": "EUR", "participant": "nobody"},
            "POST /api/v1/referrals": {"code": "NOBODY-HAS-IT", "participant": "customer-42"},
            "POST /api/v1/programs/{slug}/terms": {},
            "POST /api/v1/programs/{slug}/backtest": {"terms": {}},
            "POST /api/v1/webhooks": {"url": "https://example.org/", "events": ["reward.*"]},
            "PATCH /api/v1/webhooks/{endpoint_id}": {"description": name},
            "POST /api/v1/webhooks/{endpoint_id}/rotate-secret": {},
            "POST /api/v1/webhooks/{endpoint_id}/test": {},
            "POST /api/v1/webhooks/{endpoint_id}/replay": {"from": "2020-01-01T00:00:00Z"},
        }[operation]


def _newcomer(name: str) -> dict[str, str]:
    # A password of their own: nobody may log in by a name that an earlier input took.
    return {"username": name, "email": f"{name}@example.org", "password": f"{name} good"}


# One text goes into many places, one after the other, and some are long.
@lru_cache(maxsize=1)
def spelled(text: str) -> str:
    """The text as a JSON string: as short as can be, unless UTF-8 cannot carry it."""
    return json.dumps(text, ensure_ascii=any("\ud800" <= c <= "\udfff" for c in text))


@lru_cache(maxsize=1)
def quoted(text: str) -> str:
    """The text as a part of a path."""
    return quote(encoded(text), safe="")


@lru_cache(maxsize=1)
def quoted_plus(text: str) -> str:
    """The text as a value in a query or a form."""
    return quote_plus(encoded(text))


def encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")

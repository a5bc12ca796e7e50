"""Who may do what: every operation of the OpenAPI document, called by every kind of caller."""

import itertools
from dataclasses import replace
from datetime import timedelta
from http.client import HTTPConnection
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import jwt
import pytest

from operators import Key, make_administrator, make_keys
from people import FAR, Person, details, join, log_in
from referral.domain.access.api_key import key_of
from referral.domain.access.caller import Scope
from referral.domain.programs.terms import Terms
from servers import PASSWORD, SECRET, running

PREFIX = "/api/v1"
PUBLIC = "anyone, and a token makes no difference"
SIGNED_IN = "anyone with a token; what is theirs is that of the token"
OWNER = "the owner; 403 for others"

# An operation that is not declared here fails the first test. A scope is what a key needs, or an administrator has.
POLICIES = {
    "POST /auth/user": PUBLIC,
    "POST /auth/user/{code}": PUBLIC,
    "POST /auth/token": PUBLIC,
    "POST /auth/revoke": PUBLIC,
    "GET /users/me": SIGNED_IN,
    "DELETE /users/me": SIGNED_IN,
    "POST /users/me/password": SIGNED_IN,
    "GET /users/{user_id}": OWNER,
    "GET /users/{user_id}/referrals": OWNER,
    "POST /codes": SIGNED_IN,
    "GET /codes": SIGNED_IN,
    "GET /codes/{email_or_code}": SIGNED_IN,
    "DELETE /codes/{email_or_code}": OWNER,
    "GET /codes/{email_or_code}/status": PUBLIC,
    "POST /keys": Scope.KEYS_WRITE,
    "GET /keys": Scope.KEYS_READ,
    "DELETE /keys/{key_id}": Scope.KEYS_WRITE,
    "POST /events": Scope.EVENTS_WRITE,
    "POST /events/batch": Scope.EVENTS_WRITE,
    "PUT /participants/{participant}": Scope.PARTICIPANTS_WRITE,
    "GET /participants/{participant}": Scope.PARTICIPANTS_READ,
    "DELETE /participants/{participant}": Scope.PARTICIPANTS_WRITE,
    "POST /participants/{participant}/codes": Scope.CODES_WRITE,
    "GET /participants/{participant}/codes": Scope.CODES_READ,
    "GET /participants/{participant}/referrals": Scope.PARTICIPANTS_READ,
    "POST /referrals": Scope.PARTICIPANTS_WRITE,
    "GET /referrals": Scope.PARTICIPANTS_READ,
    "GET /referrals/{referral_id}": Scope.PARTICIPANTS_READ,
    "GET /referrals/{referral_id}/explanation": Scope.REWARDS_READ,
    "GET /reviews": Scope.REWARDS_READ,
    "POST /reviews/{referral_id}/release": Scope.REWARDS_WRITE,
    "POST /reviews/{referral_id}/reject": Scope.REWARDS_WRITE,
    "GET /users/me/rewards": SIGNED_IN,
    "GET /users/me/balance": SIGNED_IN,
    "GET /participants/{participant}/rewards": Scope.REWARDS_READ,
    "GET /participants/{participant}/balance": Scope.REWARDS_READ,
    "GET /rewards": Scope.REWARDS_READ,
    "POST /rewards/{reward_id}/approve": Scope.REWARDS_WRITE,
    "POST /rewards/{reward_id}/hold": Scope.REWARDS_WRITE,
    "POST /rewards/{reward_id}/reject": Scope.REWARDS_WRITE,
    "POST /payouts": Scope.REWARDS_WRITE,
    "GET /payouts": Scope.REWARDS_READ,
    "GET /payouts/{payout_id}": Scope.REWARDS_READ,
    "GET /payouts/export.csv": Scope.REWARDS_READ,
    "POST /programs": Scope.PROGRAMS_WRITE,
    "GET /programs": Scope.PROGRAMS_READ,
    "GET /programs/{slug}": Scope.PROGRAMS_READ,
    "PATCH /programs/{slug}": Scope.PROGRAMS_WRITE,
    "POST /programs/{slug}/terms": Scope.PROGRAMS_WRITE,
    "POST /programs/{slug}/backtest": Scope.REWARDS_READ,
    "GET /programs/{slug}/terms/{version}": Scope.PROGRAMS_READ,
    "POST /webhooks": Scope.WEBHOOKS_WRITE,
    "GET /webhooks": Scope.WEBHOOKS_READ,
    "GET /webhooks/{endpoint_id}": Scope.WEBHOOKS_READ,
    "PATCH /webhooks/{endpoint_id}": Scope.WEBHOOKS_WRITE,
    "DELETE /webhooks/{endpoint_id}": Scope.WEBHOOKS_WRITE,
    "POST /webhooks/{endpoint_id}/rotate-secret": Scope.WEBHOOKS_WRITE,
    "POST /webhooks/{endpoint_id}/test": Scope.WEBHOOKS_WRITE,
    "GET /webhooks/{endpoint_id}/deliveries": Scope.WEBHOOKS_READ,
    "POST /webhooks/{endpoint_id}/replay": Scope.WEBHOOKS_WRITE,
}
THANKS = {"rule": "thanks", "to": "referrer", "amount": 1, "unit": "EUR"}
_numbers = itertools.count(1)
PROTECTED = [operation for operation, policy in POLICIES.items() if policy != PUBLIC]


def body_of(
    operation: str, owner: Person, administrator: Person | None = None
) -> dict[str, object] | None:
    """What the operation is called with, so that nothing but the token can be wrong."""
    return {
        "POST /auth/user": details(),
        "POST /auth/user/{code}": details(),
        "POST /auth/token": {"username": owner.username, "password": PASSWORD},
        "POST /auth/revoke": {"token": "worthless anyway"},
        "POST /users/me/password": {"password": PASSWORD, "new_password": "another good one"},
        "DELETE /users/me": {"password": PASSWORD},
        "POST /codes": {"expires_at": FAR, "replace_active": True},
        "POST /keys": {"name": "shop", "scopes": ["keys:read"]},
        "PUT /participants/{participant}": {"locale": "de-AT"},
        "POST /events": {"id": str(uuid4()), "type": "visit", "participant": f"user:{owner.id}"},
        "POST /events/batch": {
            "id": str(uuid4()),
            "type": "visit",
            "participant": f"user:{owner.id}",
        },
        "POST /participants/{participant}/codes": {"expires_at": FAR},
        "POST /referrals": joinable(administrator) if operation == "POST /referrals" else None,
        "POST /reviews/{referral_id}/release": {"reason": "Looked."},
        "POST /reviews/{referral_id}/reject": {"reason": "A fake."},
        "POST /rewards/{reward_id}/approve": {"reason": "Known."},
        "POST /rewards/{reward_id}/hold": {"reason": "Wait."},
        "POST /rewards/{reward_id}/reject": {"reason": "A fake."},
        "POST /payouts": payable(administrator) if operation == "POST /payouts" else None,
        "POST /programs": {"slug": f"program-{next(_numbers)}", "name": "Summer", "terms": {}},
        "PATCH /programs/{slug}": {"name": "Default"},
        "POST /programs/{slug}/terms": {},
        "POST /programs/{slug}/backtest": {"terms": {"rewards": [THANKS]}},
        "POST /webhooks": {"url": "https://example.org/", "events": ["reward.*"]},
        "PATCH /webhooks/{endpoint_id}": {"description": "Points"},
        "POST /webhooks/{endpoint_id}/replay": {"from": "2020-01-01T00:00:00Z"},
    }.get(operation)


def joinable(administrator: Person | None) -> dict[str, object]:
    """Somebody new, and the code of somebody else; without an administrator there are none."""
    owner, referee = f"customer-{uuid4()}", f"customer-{uuid4()}"
    code = "NOBODY-HAS-IT"
    if administrator:
        for participant in (owner, referee):
            administrator.put(f"/participants/{participant}", {})
        issued = administrator.post(f"/participants/{owner}/codes", {"expires_at": FAR})
        code = issued.json()["code"]
    return {"code": code, "participant": referee}


def rewarded(administrator: Person) -> str:
    """Somebody new who was rewarded."""
    return brought(administrator, {"rewards": [THANKS]})[0]


def held(administrator: Person) -> str:
    """A referral that is held, by its id."""
    one = {"sign_ups": 1, "within_hours": 1, "then": "hold"}
    return brought(administrator, {"review": {"velocity": one}})[1]


def brought(administrator: Person, terms: dict[str, object]) -> tuple[str, str]:
    """Somebody new who brought somebody to a new program, and the referral."""
    slug, owner, referee = (f"{kind}-{uuid4()}" for kind in ("program", "customer", "customer"))
    administrator.post("/programs", {"slug": slug, "name": slug, "terms": terms})
    active = {"status": "active"}
    administrator.client.patch(f"/programs/{slug}", json=active, headers=administrator.bearer)
    for participant in (owner, referee):
        administrator.put(f"/participants/{participant}", {})
    code = administrator.post(
        f"/participants/{owner}/codes", {"expires_at": FAR, "program": slug}
    ).json()["code"]
    made = administrator.post("/referrals", {"code": code, "participant": referee})
    return owner, made.json()["id"]


def payable(administrator: Person | None) -> dict[str, object]:
    """What is to be paid to somebody; without an administrator there is nothing."""
    participant = rewarded(administrator) if administrator else "nobody"
    return {"reference": str(uuid4()), "unit": "EUR", "participant": participant}


def address_of(
    operation: str, owner: Person, code: str, administrator: Person | None = None
) -> tuple[str, str]:
    """The operation's method and path, with what belongs to the owner in it; what servers need an administrator makes."""
    method, path = operation.split()
    found_by = owner.email if operation == "GET /codes/{email_or_code}" else code
    key_id = owner.id
    if "{key_id}" in path and administrator:
        key_id = administrator.post("/keys", body_of("POST /keys", owner)).json()["id"]
    endpoint_id = owner.id
    if "{endpoint_id}" in path and administrator:
        endpoint_id = administrator.post("/webhooks", body_of("POST /webhooks", owner)).json()["id"]
        administrator.post(f"/webhooks/{endpoint_id}/test", {})
    participant = f"user:{owner.id}" if method == "GET" else f"customer-{uuid4()}"
    referral_id = owner.id
    if "{referral_id}" in path and administrator:
        referral_id = administrator.post("/referrals", joinable(administrator)).json()["id"]
    if "/reviews" in path and administrator:
        referral_id = held(administrator)
    reward_id = payout_id = owner.id
    if administrator and path.endswith(("rewards", "balance")) and "me" not in path:
        participant = rewarded(administrator)
    if "{reward_id}" in path and administrator:
        listed = administrator.get(f"/participants/{rewarded(administrator)}/rewards")
        reward_id = listed.json()["items"][0]["id"]
    if administrator and method == "GET" and "payouts" in path:
        payout_id = administrator.post("/payouts", payable(administrator)).json()["id"]
    if method in {"DELETE", "POST"} and "{participant}" in path and administrator:
        administrator.put(f"/participants/{participant}", {})
    return method, path.format(
        user_id=owner.id,
        code=code,
        email_or_code=found_by,
        key_id=key_id,
        endpoint_id=endpoint_id,
        participant=participant,
        referral_id=referral_id,
        reward_id=reward_id,
        payout_id=payout_id,
        slug="default",
        version=1,
    )


def call(
    client: httpx.Client,
    operation: str,
    owner: Person,
    code: str,
    headers: dict[str, str],
    *,
    administrator: Person | None = None,
) -> httpx.Response:
    method, path = address_of(operation, owner, code, administrator)
    if path == "/events/batch":  # a line is JSON too
        headers = {**headers, "Content-Type": "application/x-ndjson"}
    return client.request(
        method, path, json=body_of(operation, owner, administrator), headers=headers
    )


def changed(person: Person, key: str = SECRET, **claims: object) -> dict[str, str]:
    """The person's token with other claims or another signature."""
    token = str(person.tokens["access_token"])
    held = jwt.decode(token, options={"verify_signature": False})
    header = jwt.get_unverified_header(token)
    algorithm = header.pop("alg")
    forged = jwt.encode(
        {**held, **claims}, key or None, algorithm if key else "none", headers=header
    )
    return {"Authorization": f"Bearer {forged}"}


def expired(person: Person) -> dict[str, str]:
    held = jwt.decode(str(person.tokens["access_token"]), options={"verify_signature": False})
    hour = int(timedelta(hours=1).total_seconds())
    return changed(person, iat=held["iat"] - hour, exp=held["exp"] - hour)


WORTHLESS = {
    "no token": lambda person: {},
    "an empty token": lambda person: {"Authorization": "Bearer"},
    "a malformed token": lambda person: {"Authorization": f"{person.bearer['Authorization']}x"},
    "another scheme": lambda person: {"Authorization": f"Basic {person.tokens['access_token']}"},
    "a refresh token": lambda person: {"Authorization": f"Bearer {person.tokens['refresh_token']}"},
    "an expired token": expired,
    "a token someone else signed": lambda person: changed(person, key="not " + SECRET),
    "an unsigned token": lambda person: changed(person, key=""),
    "a key that nobody made": lambda _: Key("", key_of("0" * 30)).bearer,
    "a key with a slip": lambda _: Key("", key_of("0" * 30)[:-1]).bearer,
}


@pytest.fixture(scope="module")
def keys(module_database_url):
    """One with each scope alone, and one with every scope but those that open what it opens."""
    wanted = {f"with {scope}": [scope] for scope in Scope}
    wanted |= {
        f"without {scope}": [other for other in Scope if other not in {scope, scope.to_write}]
        for scope in Scope
    }
    return make_keys(module_database_url, **wanted)


@pytest.fixture(scope="module")
def names_of_administrators(module_database_url):
    """One for each operation, which may be to erase the account, and one for the rest."""
    return {
        name: make_administrator(module_database_url)["username"]
        for name in (*POLICIES, "the rest")
    }


@pytest.fixture(scope="module")
def server(module_database_url, keys, names_of_administrators, tmp_path_factory):
    """One with two workers, which know the keys and the administrators from the beginning."""
    with running(tmp_path_factory.mktemp("server"), module_database_url, workers=2) as server:
        yield server


@pytest.fixture
def administrator(client, names_of_administrators):
    return logged_in(client, names_of_administrators["the rest"])


def logged_in(client: httpx.Client, username: str) -> Person:
    person = Person(client, "", username, "", log_in(client, username))
    me = person.get("/users/me").json()
    return replace(person, id=me["id"], email=me["email"])


@pytest.fixture
def owner(client):
    return join(client)


@pytest.fixture
def code(owner):
    return owner.new_code()


@pytest.fixture(scope="module")
def resident(server):
    """Someone whom nothing befalls, and their code: for all tests of calls that must not be let in."""
    with server.client() as client:
        resident = join(client)
        yield resident, resident.new_code()


@pytest.fixture
def stranger(client):
    return join(client)


def what_is_there(owner: Person) -> list[object]:
    """What an uninvited caller could have changed."""
    log_in = owner.client.post(
        "/auth/token", json={"username": owner.username, "password": PASSWORD}
    )
    return [
        log_in.status_code,
        owner.get("/users/me").json(),
        owner.get("/codes").json(),
        owner.get(f"/users/{owner.id}").json(),
    ]


def test_c04_every_operation_has_a_policy_and_the_description_agrees_with_it(server):
    document = server.get("/openapi.json").json()
    operations = {
        f"{method.upper()} {path.removeprefix(PREFIX)}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }

    assert operations.keys() == POLICIES.keys()
    for name, operation in operations.items():
        assert ("security" in operation) == (name in PROTECTED), name
        assert {} not in operation.get("security", []), name
        if name in PROTECTED:
            assert "401" in operation["responses"], name
            assert "403" in operation["responses"], name
            takes_keys = {"key": []} in operation["security"]
            assert takes_keys == isinstance(POLICIES[name], Scope), name


def test_c04_every_route_is_described():
    from referral.entrypoints.bootstrap.container import create_http_app
    from referral.entrypoints.bootstrap.settings import Settings

    app = create_http_app(Settings(database_url="postgresql://nowhere", secret=SECRET)).app

    served = {
        f"{handler_method} {route.path_format.removeprefix(PREFIX)}"
        for route in app.routes
        for handler_method in route.methods - {"OPTIONS"}
        if route.path_format.startswith(PREFIX)
    }
    assert served == POLICIES.keys()


@pytest.mark.parametrize("token", WORTHLESS)
@pytest.mark.parametrize("operation", PROTECTED)
def test_c04_a_worthless_token_opens_nothing(operation, token, client, resident):
    owner, code = resident
    before = what_is_there(owner)

    answer = call(client, operation, owner, code, WORTHLESS[token](owner))

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "/problems/invalid-access-token"
    assert what_is_there(owner) == before


CALLERS = (
    "nobody",
    "the owner",
    "another person",
    "a key without the scope",
    "a key with the scope",
    "an administrator",
)


def refusal_of(policy: str, caller: str) -> tuple[int, str] | None:
    """The status and problem that the caller has to be refused with; None where they have to be let in."""
    if policy == PUBLIC:
        return None
    if caller == "nobody":
        return 401, "invalid-access-token"
    if isinstance(policy, Scope):
        is_let_in = caller in {"a key with the scope", "an administrator"}
        return None if is_let_in else (403, "missing-scope")
    if "key" in caller:
        return 403, "person-needed"
    if policy == OWNER and caller != "the owner":
        return 403, "not-your-"
    return None


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("operation", POLICIES)
def test_c04_every_caller_may_what_the_policy_says_and_no_more(
    *,
    operation,
    caller,
    client,
    owner,
    code,
    stranger,
    administrator,
    keys,
    names_of_administrators,
):
    policy = POLICIES[operation]
    scope = policy if isinstance(policy, Scope) else Scope.CODES_WRITE
    bearers = {
        "nobody": dict,
        "the owner": lambda: owner.bearer,
        "another person": lambda: stranger.bearer,
        "a key without the scope": lambda: keys[f"without {scope}"].bearer,
        "a key with the scope": lambda: keys[f"with {scope}"].bearer,
        "an administrator": lambda: logged_in(client, names_of_administrators[operation]).bearer,
    }
    before = what_is_there(owner)

    answer = call(client, operation, owner, code, bearers[caller](), administrator=administrator)

    refusal = refusal_of(policy, caller)
    if refusal is None:
        assert answer.is_success
    else:
        status, problem = refusal
        assert answer.status_code == status
        assert answer.json()["type"].startswith(f"/problems/{problem}")
        assert owner.email not in str({**answer.json(), "instance": ""})
        if problem == "missing-scope":
            assert answer.json()["scope"] == scope
    # Signing up with the code brings the owner someone.
    if caller != "the owner" and operation != "POST /auth/user/{code}":
        assert what_is_there(owner) == before


@pytest.mark.parametrize("token", WORTHLESS)
@pytest.mark.parametrize("operation", [name for name in POLICIES if name not in PROTECTED])
def test_c04_what_is_public_is_so_with_a_worthless_token_too(operation, token, client, owner, code):
    answer = call(client, operation, owner, code, WORTHLESS[token](owner))

    assert answer.is_success


OVERRIDES = ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X-Original-URL"]
SPELLINGS = {
    "a trailing slash": lambda path: f"{path}/",
    "doubled slashes": lambda path: path.replace("/", "//"),
    "a detour": lambda path: path.replace("/v1/", "/v1/auth/../"),
    "an encoded detour": lambda path: path.replace("/v1/", "/v1/auth/%2e%2e/"),
    "an encoded slash": lambda path: path.replace("/v1/", "/v1%2f"),
    "an encoded slash at the end": lambda path: f"{path}%2F",
    "a detour behind an encoded slash": lambda path: path.replace("/v1/", "/v1/x%2F../"),
    "a backslash": lambda path: path.replace("/v1/", "/v1\\"),
    "an encoded letter": lambda path: path.replace("/v1/", "/v%31/"),
    "capitals": lambda path: path.replace(PREFIX, PREFIX.upper()),
    "a semicolon": lambda path: f"{path};x=1",
    "a query": lambda path: f"{path}?access_token=x&_method=GET",
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("operation", PROTECTED)
def test_c12_another_spelling_of_an_address_opens_nothing(operation, spelling, server, resident):
    owner, code = resident
    place = urlsplit(server.address)
    connection = HTTPConnection(place.hostname, place.port, timeout=10)
    method, path = address_of(operation, owner, code)

    # Not by httpx, which would tidy the path up.
    connection.request(
        method, SPELLINGS[spelling](PREFIX + path), headers=dict.fromkeys(OVERRIDES, "OPTIONS")
    )

    answer = connection.getresponse()
    connection.close()
    assert answer.status in {401, 404, 405}


@pytest.mark.parametrize("operation", [name for name in PROTECTED if name.startswith("GET")])
def test_c12_head_needs_the_token_that_get_needs(operation, client, owner, code, administrator):
    _, path = address_of(operation, owner, code, administrator)
    holder = let_in(operation, owner, administrator)

    assert client.head(path).status_code == 401
    assert client.head(path, headers=holder.bearer).status_code == 200


def let_in(operation: str, owner: Person, administrator: Person) -> Person:
    """Who may do it with what is the owner's."""
    return administrator if isinstance(POLICIES[operation], Scope) else owner


def names_in(value: object, within: str = "") -> set[str]:
    """The names of all fields, those within others as `items.id`."""
    if isinstance(value, list):
        return set().union(*(names_in(item, within) for item in value))
    if not isinstance(value, dict):
        return set()
    return {within + name for name in value}.union(
        *(names_in(inner, f"{within}{name}.") for name, inner in value.items())
    )


USER = {"id", "email", "username"}
CODE = {"id", "user_id", "code", "expires_at", "is_active"}
PROGRAM = {
    *("slug", "name", "status", "starts_at", "ends_at", "landing_url"),
    *("terms_version", "created_at"),
}
PAGE = {"items", "total", "page", "size", "pages"}
PARTICIPANT = {"id", "external_id", "email", "username", "locale", "created_at", "referrer_id"}
KEY = {"id", "name", "scopes", "created_at", "expires_at", "last_used_at"}
REFERRAL = {
    *("id", "program", "terms_version", "referrer", "referee", "code"),
    *("status", "held", "held_reasons", "created_at", "qualified_at"),
}
EVENT = {"id", "referral", "decisions", "rewards"}
ENDPOINT = {
    *("id", "url", "events", "description"),
    *("status", "disabled_because", "created_at"),
}
REWARD = {
    *("id", "referral", "program", "terms_version", "rule", "to", "participant"),
    *("amount", "unit", "status", "created_at", "due_at", "recovers", "payout"),
}
REWARDS = {"items", "next_cursor"} | {f"items.{name}" for name in REWARD}
PAYOUT = {"id", "reference", "unit", "amount", "rewards", "created_at"}
EXPLANATION = {"referral", "program", "decisions"} | {
    f"decisions.{name}"
    for name in (
        *("at", "rule", "terms_version", "outcome", "reason", "inputs"),
        *("reward_id", "sentence", "inputs.code", "inputs.program"),
    )
}
DELIVERY = {
    *("id", "type", "status", "attempts", "created_at", "next_attempt_at"),
    *("last_attempt_at", "last_status", "last_answer"),
}
REFERRALS = {"items", "next_cursor"} | {f"items.{name}" for name in REFERRAL}
REFEREES = PAGE | {"next_cursor"} | {f"items.{name}" for name in USER | {"created_at"}}
COMPARED = {"unit"} | {
    f"{terms}{name}"
    for terms in ("today", "draft", "difference")
    for name in ("", ".rewards", ".amount")
}
WITH_TERMS = names_in({"terms": Terms().plain()})
FIELDS = {
    "POST /auth/user": USER,
    "POST /auth/user/{code}": USER,
    "POST /auth/token": {"access_token", "token_type", "expires_in", "refresh_token"},
    "GET /users/me": USER | {"created_at"},
    "GET /users/{user_id}": REFEREES,
    "GET /users/{user_id}/referrals": REFEREES,
    "POST /codes": CODE,
    "GET /codes": PAGE | {f"items.{name}" for name in CODE},
    "GET /codes/{email_or_code}": CODE | {"user"} | {f"user.{name}" for name in USER},
    "GET /codes/{email_or_code}/status": {"code", "is_active", "expires_at"},
    "POST /keys": KEY | {"key"},
    "PUT /participants/{participant}": PARTICIPANT,
    "POST /events": EVENT,
    "POST /events/batch": {"status", "outcome"} | {f"outcome.{name}" for name in EVENT},
    "GET /participants/{participant}": PARTICIPANT,
    "POST /participants/{participant}/codes": CODE,
    "GET /participants/{participant}/codes": {"items", "next_cursor"}
    | {f"items.{name}" for name in CODE},
    "GET /participants/{participant}/referrals": REFERRALS,
    "POST /referrals": REFERRAL,
    "GET /referrals": REFERRALS,
    "GET /referrals/{referral_id}": REFERRAL,
    "GET /referrals/{referral_id}/explanation": EXPLANATION,
    "GET /reviews": REFERRALS
    | {
        f"items.{name}"
        for name in ("review", "doubts", "sentences", "decided_at", "decided_by", "reason")
    },
    "POST /reviews/{referral_id}/release": REFERRAL,
    "POST /reviews/{referral_id}/reject": REFERRAL,
    "GET /users/me/rewards": {"items", "next_cursor"},
    "GET /participants/{participant}/rewards": REWARDS,
    "GET /participants/{participant}/balance": {
        *("unit", "pending", "available", "paid", "recoverable"),
    },
    "GET /rewards": REWARDS,
    "POST /rewards/{reward_id}/approve": REWARD,
    "POST /rewards/{reward_id}/hold": REWARD,
    "POST /rewards/{reward_id}/reject": REWARD,
    "POST /payouts": PAYOUT,
    "GET /payouts": {"items", "next_cursor"} | {f"items.{name}" for name in PAYOUT},
    "GET /payouts/{payout_id}": PAYOUT,
    "POST /webhooks": ENDPOINT | {"secret"},
    "POST /webhooks/{endpoint_id}/test": DELIVERY,
    "GET /webhooks/{endpoint_id}/deliveries": {"items", "next_cursor"}
    | {f"items.{name}" for name in DELIVERY},
    "POST /webhooks/{endpoint_id}/replay": {"replayed", "next_cursor"},
    "GET /webhooks": {"items", "next_cursor"} | {f"items.{name}" for name in ENDPOINT},
    "GET /webhooks/{endpoint_id}": ENDPOINT,
    "PATCH /webhooks/{endpoint_id}": ENDPOINT,
    "POST /webhooks/{endpoint_id}/rotate-secret": ENDPOINT | {"secret"},
    "POST /programs": PROGRAM | WITH_TERMS,
    "GET /programs": {"items", "next_cursor"} | {f"items.{name}" for name in PROGRAM},
    "GET /programs/{slug}": PROGRAM | WITH_TERMS,
    "PATCH /programs/{slug}": PROGRAM,
    "POST /programs/{slug}/terms": {"version", "created_at"} | WITH_TERMS,
    "GET /programs/{slug}/terms/{version}": {"version", "created_at"} | WITH_TERMS,
    "POST /programs/{slug}/backtest": {"terms_version", "referrals", "events", "rules", "totals"}
    | {f"{many}.{name}" for many in ("rules", "totals") for name in COMPARED}
    | {"rules.rule"},
    "GET /keys": {"items", "next_cursor"} | {f"items.{name}" for name in KEY},
}


@pytest.mark.parametrize("operation", POLICIES)
def test_c07_an_answer_has_its_fields_and_no_other(
    *, operation, client, owner, code, stranger, administrator
):
    join(client, code)
    holder = let_in(operation, owner, administrator)

    answer = call(client, operation, owner, code, holder.bearer, administrator=administrator)

    is_json = answer.headers.get("content-type", "").startswith("application/")
    assert names_in(answer.json() if is_json else None) == FIELDS.get(operation, set())
    for kept in (PASSWORD, "$2b$", stranger.email, stranger.username):
        assert kept not in answer.text

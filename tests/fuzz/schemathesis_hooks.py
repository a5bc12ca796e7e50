"""What schemathesis has to know of this service: who calls, which answer leads to which call, what is no failure.

It loads this itself, in its own process.
"""

import json
import os
import re
import secrets
from datetime import UTC, datetime
from uuid import UUID

import requests
import schemathesis

API = os.environ["REFERRAL_TEST_FUZZED_API"]
SIGNED_IN = os.environ["REFERRAL_TEST_FUZZED_AS"] == "somebody"
# The one in the description's examples, so that some calls confirm with it.
PASSWORD = "Q123werty!23"

# Whose token is in use.
caller = {}


class Newcomer:
    """Signs in as someone new whenever a token is asked for: the calls erase accounts and change passwords.

    schemathesis asks again when a call that needs a token is answered with 401.
    """

    def get(self, case, context):
        name = f"fuzz{secrets.token_hex(8)}"
        me = {"username": name, "email": f"{name}@example.org", "password": PASSWORD}
        caller.clear()
        caller.update(_post("/auth/user", me))
        return _post("/auth/token", {"username": name, "password": PASSWORD})["access_token"]

    def set(self, case, data, context):
        case.headers["Authorization"] = f"Bearer {data}"


def _post(path, body):
    response = requests.post(API + path, json=body, timeout=10)
    response.raise_for_status()
    return response.json()


class Shop:
    """Calls with an API key."""

    def get(self, case, context):
        return os.environ["REFERRAL_TEST_FUZZED_KEY"]

    def set(self, case, data, context):
        case.headers["Authorization"] = f"Bearer {data}"


if SIGNED_IN:
    of_servers = "/keys|/programs|/participants|/v1/referrals|/webhooks|/events|/v1/rewards|/payouts|/reviews"
    schemathesis.auth().skip_for(path_regex=f"/auth/|{of_servers}")(Newcomer)
    schemathesis.auth().apply_to(path_regex=of_servers)(Shop)


@schemathesis.serializer("application/x-ndjson")
def one_line(context, value):
    return json.dumps(value).encode()


@schemathesis.hook
def before_call(context, case, kwargs):
    """Aim at what is there, and in a chain of calls at what is not: else the first decides how all others end."""
    if "id" in caller and _is_uuid(case.path_parameters.get("user_id")):
        case.path_parameters["user_id"] = caller["id"]
    if re.fullmatch("[!-~]{1,200}", key := case.headers.get("Idempotency-Key") or ""):
        # A key is for one request, which OpenAPI does not say; some checks send a request again without its token.
        case.headers["Idempotency-Key"] = key + secrets.token_hex(8)
    if not isinstance(case.body, dict):
        return
    if isinstance(expires_at := case.body.get("expires_at"), str):
        next_year = datetime.now(UTC).year + 1
        case.body["expires_at"] = re.sub(r"^\d{4}(?=-\d\d-\d\d[Tt ])", str(next_year), expires_at)
    if case.meta.generation.mode.is_positive:
        case.body.update(_integers(case.body))
    if case.meta.phase.name.value == "stateful" and case.meta.generation.mode.is_positive:
        unique = secrets.token_hex(8)
        if _operation(context) in {"register_user", "register_referee"}:
            case.body["username"] = unique
            case.body["email"] = f"{unique}@example.org"
        elif "expires_at" in case.body:
            case.body["code"] = unique
            case.body["replace_active"] = True


@schemathesis.hook
def after_call(context, case, response):
    if _operation(context) == "issue_code" and response.status_code == 201:
        caller["code"] = response.json()["code"]


def _integers(value):
    """To JSON Schema 129.0 is an integer (draft 2020-12, Validation §6.1.1), and to the service it is not."""
    match value:
        case dict():
            return {name: _integers(member) for name, member in value.items()}
        case list():
            return [*map(_integers, value)]
        case float() if value.is_integer():
            return int(value)
    return value


def _operation(context):
    return context.operation.definition.raw["operationId"]


def _name(pointer):
    """The last member's, without what it has in common with others; `item` for one of a list."""
    last = pointer.removeprefix("#").rpartition("/")[2].removeprefix("new_")
    return "item" if last.isdecimal() else last


def _is_uuid(value):
    try:
        return bool(UUID(value))
    except (ValueError, TypeError, AttributeError):
        return False


# From an operation, by its success, to the operation that its answer leads to.
LINKS = {
    ("register_user", "issue_tokens"): {
        "requestBody": {
            "username": "$response.body#/username",
            "password": "$request.body#/password",
        }
    },
    ("issue_tokens", "issue_tokens"): {
        "requestBody": {
            "grant_type": "refresh_token",
            "refresh_token": "$response.body#/refresh_token",
        }
    },
    ("issue_tokens", "revoke_tokens"): {
        "requestBody": {"token": "$response.body#/refresh_token"},
    },
    ("issue_code", "register_referee"): {"parameters": {"code": "$response.body#/code"}},
    ("issue_code", "code_status"): {"parameters": {"email_or_code": "$response.body#/code"}},
    ("issue_code", "retire_code"): {"parameters": {"email_or_code": "$response.body#/code"}},
    ("me", "find_code"): {"parameters": {"email_or_code": "$response.body#/email"}},
    ("me", "list_referees"): {"parameters": {"user_id": "$response.body#/id"}},
    ("create_key", "revoke_key"): {"parameters": {"key_id": "$response.body#/id"}},
    ("create_program", "show_program"): {"parameters": {"slug": "$response.body#/slug"}},
    ("create_program", "change_program"): {"parameters": {"slug": "$response.body#/slug"}},
    ("create_program", "add_terms"): {"parameters": {"slug": "$response.body#/slug"}},
    ("add_terms", "show_terms"): {
        "parameters": {"slug": "$request.path.slug", "version": "$response.body#/version"}
    },
    ("create_endpoint", "show_endpoint"): {"parameters": {"endpoint_id": "$response.body#/id"}},
    ("create_endpoint", "change_endpoint"): {"parameters": {"endpoint_id": "$response.body#/id"}},
    ("create_endpoint", "rotate_secret"): {"parameters": {"endpoint_id": "$response.body#/id"}},
    ("create_endpoint", "try_endpoint"): {"parameters": {"endpoint_id": "$response.body#/id"}},
    ("create_endpoint", "replay"): {"parameters": {"endpoint_id": "$response.body#/id"}},
    ("create_endpoint", "list_deliveries"): {"parameters": {"endpoint_id": "$response.body#/id"}},
    ("rotate_secret", "delete_endpoint"): {"parameters": {"endpoint_id": "$response.body#/id"}},
    ("list_keys", "list_keys"): {"parameters": {"cursor": "$response.body#/next_cursor"}},
    ("list_referrals", "list_referrals"): {
        "parameters": {
            "user_id": "$request.path.user_id",
            "cursor": "$response.body#/next_cursor",
        }
    },
}


@schemathesis.hook
def before_load_schema(context, raw_schema):
    operations = {
        operation["operationId"]: operation
        for item in raw_schema["paths"].values()
        for operation in item.values()
    }
    for (source, target), link in LINKS.items():
        responses = operations[source]["responses"]
        success = responses[min(responses)]
        success.setdefault("links", {})[target] = {"operationId": target, **link}
    for schema in raw_schema["components"]["schemas"].values():
        name = schema.get("properties", {}).get("username", {})
        if r"\p{L}\p{Nd}" in name.get("pattern", ""):
            # schemathesis takes the letters of Latin for all letters.
            name["pattern"] = name["pattern"].replace(r"\p{L}\p{Nd}", _letters_and_digits())


def _letters_and_digits():
    """Those of the basic plane, enough and quicker than all, as ranges for a regular expression."""
    numbers = [n for n in range(0x10000) if chr(n).isalpha() or chr(n).isdecimal()]
    starts = [n for n, before in zip(numbers, [-1, *numbers], strict=False) if n != before + 1]
    ends = [n for n, after in zip(numbers, [*numbers[1:], -1], strict=True) if n != after - 1]
    return "".join(f"{chr(start)}-{chr(end)}" for start, end in zip(starts, ends, strict=True))


# Rules that JSON Schema cannot tell, so that what breaks one of them is valid by the schema and rightly
# refused with 422; the schema's descriptions tell them in words.
UNTOLD = {
    # bytes are not characters, and composing characters (NFC) makes fewer of them
    ("password", "A password has at most 72 bytes in UTF-8."),
    ("password", "A password has at least 8 characters."),
    ("password", "This password is among the most common ones; choose another."),
    ("password", "A password of fewer than 16 characters has at least 5 different ones."),
    # two fields of one body
    ("password", "A password is not the user name or the e-mail address."),
    ("username", "A user name has no @, unless it is the user's own e-mail address."),
    # what a character comes to is seen after normalisation (NFKC), which makes l· of ŀ
    ("username", "A user name is made of letters, digits and . @ + - _ only."),
    ("username", "A user name has 3 to 50 characters."),
    # which characters are printable; what they come to is seen after normalisation (NFC)
    ("name", "A key's name has 1 to 100 printable characters, and no blanks at its ends."),
    ("external_id", "An external id has 1 to 128 printable characters, and no space at its ends."),
    ("external_id", "An external id does not begin with `user:`."),
    ("expires_at", "A key expires in the future."),
    # which characters are printable
    ("reason", "A reason has 1 to 500 printable characters, and no space at its ends."),
    ("reference", "A reference has 1 to 128 printable characters, and no space at its ends."),
    # one of two members
    ("rewards", "A payout is of a participant, or of these rewards."),
    ("message", "Give one `message`, or the time to begin `from`."),
    # the length of a month
    ("as_of", "This is no time on the calendar."),
    ("from", "This is no time on the calendar."),
    ("to", "This is no time on the calendar."),
    # what a port may be, which addresses are public, and that http is for development
    ("url", "An endpoint's address has a host, and a port from 1 to 65535 if any."),
    ("url", "An endpoint has a public address."),
    ("url", "An endpoint has an https address; http is for development alone."),
    # the length of a month, and what time it is
    ("expires_at", "This is no time on the calendar."),
    ("occurred_at", "This is no time on the calendar."),
    ("occurred_at", "An event occurred at most 30 days ago, and no more than 5 minutes ahead."),
    # members of an event that need each other
    ("of", "A refund says which event it is `of`, and no other event does."),
    ("participant", "Whose event is it?"),
    ("amount", "An amount needs a unit, and a unit an amount."),
    ("amount", "An amount is a whole number from 1 to 9007199254740991."),
    # what was given before
    (
        "",
        "The rewards of one participant in one unit come to 9007199254740991 at most, paid ones included.",
    ),
    # which characters are printable, and which names are a currency's
    ("id", "An event's id has 1 to 128 printable characters, and no space at its ends."),
    ("of", "An event's id has 1 to 128 printable characters, and no space at its ends."),
    ("type", "A sign-up is recorded when people sign up."),
    # a cursor is opaque: whether a page gave it is not a matter of form
    ("cursor", "This is not a `next_cursor` of an earlier page."),
    # the length of a month, and two members of a program
    ("starts_at", "This is no time on the calendar."),
    ("ends_at", "This is no time on the calendar."),
    ("ends_at", "A program ends after it starts."),
    # two members of a backtest
    ("to", "`to` is later than `from`."),
    # members of terms that need each other, or differ
    ("event", "A refund qualifies nobody."),
    ("count", "People sign up once."),
    ("count", "A sign-up has no amount and no delay."),
    ("min_amount", "A sign-up has no amount and no delay."),
    ("within_days", "A sign-up has no amount and no delay."),
    ("unit", "A sign-up has no amount and no delay."),
    ("unit", "A unit belongs to `min_amount`, which is not there."),
    ("unit", "`min_amount` needs a unit."),
    ("unit", "What qualifies has another unit."),
    ("unit", "This was there before."),
    ("rule", "This was there before."),
    ("item", "This was there before."),  # in capitals
    ("amount", "A rule gives an `amount`, or a share in `basis_points`."),
    ("basis_points", "A rule gives an amount or a share, not both."),
    ("basis_points", "A sign-up has no amount to share in."),
    ("at_qualified", "A milestone has a fixed amount."),
    ("to", "A milestone rewards the referrer."),
    ("max_amount", "This is for a share in `basis_points` only."),
    ("times", "This is for a share in `basis_points` only."),
    # OpenAPI has no parameters that exclude each other
    ("cursor", "Ask for a page or by cursor, not both."),
}


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """Whether it is a failure after all."""
    if failure.checks == ("positive_data_acceptance",) and response.status_code == 422:
        if response.json()["type"] == "/problems/idempotency-key-reused":
            return False  # OpenAPI does not say that a key is for one request
        broken = {(_name(error["pointer"]), error["detail"]) for error in response.json()["errors"]}
        return not broken <= UNTOLD
    if failure.checks == ("negative_data_rejection",) and case.path.endswith("/events/batch"):
        return json.loads(response.text)["status"] < 400  # a line is refused within the answer
    if failure.checks == ("ensure_resource_availability",):
        # A code is gone, as if it had been deleted, once its owner has replaced it.
        return case.path_parameters.get("email_or_code") == caller.get("code")
    return True

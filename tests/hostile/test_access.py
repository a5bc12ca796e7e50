"""Who reaches for what is someone else's, and who tries to find out what there is."""

import asyncio
import itertools
import json
import random
from uuid import UUID, uuid4

import pytest

from databases import query
from hostile.description import Description
from hostile.places import JSON, Places
from hostile.wire import Request, answers_to
from people import FAR, join
from servers import PASSWORD
from timing import auc

TIMES = 1000
MOST_TRIES = 4  # more times tell more exactly, where chance decides after 1000


def without_path(answer) -> dict[str, object]:
    return {**answer.json(), "instance": ""}


@pytest.fixture
def places(server, client, ann, bob):
    return Places(Description.of(server.address), ann, ann.new_code(), bob)


@pytest.mark.parametrize("address", ["/users/{}", "/users/{}/referrals", "/users/{}?page=2"])
def test_c01_an_account_that_is_there_and_one_that_is_not_get_the_same_answer(ann, bob, address):
    answers = [ann.get(address.format(user)) for user in (bob.id, uuid4(), UUID(int=0))]

    assert {answer.status_code for answer in answers} == {403}
    assert without_path(answers[0]) == without_path(answers[1]) == without_path(answers[2])


def test_c02_who_may_not_withdraw_a_code_leaves_it_as_it_was(server, ann, bob):
    code = ann.new_code()
    row = f"SELECT r::text FROM referral_codes r WHERE text = '{code}'"
    before = query(server.database_url, row)

    answers = [bob.delete(f"/codes/{spelled}") for spelled in (code, code.lower(), f"{code}/")]

    assert [answer.json()["type"] for answer in answers] == ["/problems/not-your-code"] * 3
    assert query(server.database_url, row) == before


@pytest.mark.parametrize("name", ["user_id", "owner_id", "user", "email", "id"])
def test_c03_the_codes_are_the_callers_whatever_the_call_says(ann, bob, name):
    bobs = bob.new_code()
    whose = bob.email if name == "email" else bob.id

    listed = ann.get("/codes", params={name: whose})
    issued = ann.issue(**{name: whose})

    assert listed.json()["items"] == []
    assert issued.status_code == 422
    assert [code["code"] for code in bob.get("/codes").json()["items"]] == [bobs]
    assert ann.get("/codes").json()["total"] == 0


def test_c05_counting_through_ids_tells_nothing(server, ann, bob):
    codes = [ann.new_code(), bob.new_code()]
    numbers = [
        number
        for (number,) in query(server.database_url, "SELECT id FROM referral_codes ORDER BY id")
    ]
    assert len(numbers) >= len(codes)
    # What is there in other tables, and what is not.
    paths = [f"/users/{n}" for n in (*range(1001), *numbers)]
    paths += [f"/codes/{n}/status" for n in range(1001)]

    async def ask() -> list[tuple[str, str]]:
        requests = [Request("GET", f"/api/v1{path}", ann.bearer) for path in paths]
        answered = await answers_to(server.address, requests)
        return [(r.target.split("/")[3], a.headers, a.body) for r, a in answered]

    said = {
        (kind, json.dumps({**json.loads(body), "instance": ""}))
        for kind, _, body in asyncio.run(ask())
    }
    assert len(said) == 2
    assert all('"status": 404' in text for _, text in said)


def test_c05_an_id_says_when_and_nothing_that_could_be_guessed(client):
    ids = [UUID(join(client).id) for _ in range(10)]

    assert {i.version for i in ids} == {7}
    random_parts = [i.int & (1 << 62) - 1 for i in ids]
    gaps = [b - a for a, b in itertools.pairwise(random_parts)]
    assert min(map(abs, gaps)) > 1 << 40


SET_BY_THE_SERVICE = {
    "id": str(UUID(int=1)),
    "is_admin": True,
    "role": "admin",
    "scopes": "admin",
    "created_at": FAR,
    "referrer_id": str(UUID(int=1)),
    "user_id": str(UUID(int=1)),
    "owner_id": str(UUID(int=1)),
    "is_active": True,
    "issued_at": FAR,
    "deleted_at": None,
    "retired_at": None,
    "erased_at": None,
    "password_hash": "$2b$04$" + "." * 53,
    "credentials_version": 0,
    "referrals_count": 1000,
    "username_key": "ann",
    "email_verified": True,
    "__class__": "User",
    "Username": "ann",
}


@pytest.mark.parametrize("field", SET_BY_THE_SERVICE)
def test_c06_a_field_that_is_not_the_callers_to_set_is_refused_everywhere(server, places, field):
    fields = {o: places.description.fields(o, JSON) for o in places.description.operations}
    operations = [o for o, taken in fields.items() if taken and field not in taken]
    requests = [
        places.request(
            operation,
            body=json.dumps({**places.right(operation), field: SET_BY_THE_SERVICE[field]}).encode(),
        )
        for operation in operations
    ]
    assert len(requests) >= 7
    rows = "SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM referral_codes)"
    before = query(server.database_url, rows)

    answered = asyncio.run(answers_to(server.address, requests))

    for request, answer in answered:
        if request.target.endswith(
            "/terms"
        ):  # the whole body is the terms: who may not write them is told so first
            assert answer.status == 403, request
            continue
        assert answer.status == 422, request
        problem = json.loads(answer.body)
        assert [error["pointer"] for error in problem["errors"]] == [f"#/{field}"]
    assert query(server.database_url, rows) == before


@pytest.fixture
def without_a_code(server, client):
    """Addresses that a code is looked up by in vain, each for another reason."""
    never, withdrawn, expired, erased = (join(client) for _ in range(4))
    withdrawn.delete(f"/codes/{withdrawn.new_code()}")
    code = expired.new_code()
    query(
        server.database_url,
        "UPDATE referral_codes SET issued_at = issued_at - interval '1 hour',"
        f" expires_at = now() - interval '1 second' WHERE text = '{code}' RETURNING 1",
    )
    erased.new_code()
    erased.delete("/users/me", {"password": PASSWORD})
    return {
        "nobody's": "no.one@example.org",
        "of someone who never had one": never.email,
        "of someone who withdrew it": withdrawn.email,
        "of someone whose code expired": expired.email,
        "of someone who was erased": erased.email,
    }


def test_c08_an_address_without_an_active_code_gets_one_answer(bob, without_a_code):
    answers = [bob.get(f"/codes/{email}") for email in without_a_code.values()]

    assert {answer.status_code for answer in answers} == {404}
    assert len({str(without_path(answer)) for answer in answers}) == 1


def test_c08_nor_does_the_time_of_the_answer_tell_the_reason(server, bob, without_a_code):
    times: dict[str, list[float]] = {
        f"/api/v1/codes/{email}": [] for email in without_a_code.values()
    }
    # In rounds of another order each, so that whatever else the machine does is shared by all.
    order = random.Random(1)

    def told_apart() -> list[float]:
        unknown, *others = times.values()
        chances = [auc(unknown, other).value for other in others]
        return [chance for chance in chances if not 0.45 < chance < 0.55]

    for _ in range(MOST_TRIES):
        paths = [path for _ in range(TIMES) for path in order.sample([*times], len(times))]
        requests = [Request("GET", path, bob.bearer) for path in paths]
        for request, answer in asyncio.run(answers_to(server.address, requests, at_once=1)):
            times[request.target].append(answer.seconds)
        if not told_apart():
            break
    assert told_apart() == []

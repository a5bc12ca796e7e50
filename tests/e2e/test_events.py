"""A shop's server tells of purchases and refunds, with an API key."""

import asyncio
from collections import Counter
from uuid import uuid4

import pytest

from operators import make_keys, operate
from people import FAR, join
from servers import running

TERMS = {"qualification": {"event": "purchase", "min_amount": 2000, "unit": "EUR"}}
PURCHASE = {"type": "purchase", "amount": 2500, "unit": "EUR"}


@pytest.fixture(scope="module")
def key(module_database_url):
    """Made before the server starts, which would know a newer one within a second only."""
    scopes = ["events:write", "participants:write"]
    return make_keys(module_database_url, shop=scopes)["shop"]


@pytest.fixture(scope="module")
def server(key, module_database_url, tmp_path_factory):
    """It has a program in which a purchase of 20 EUR qualifies."""

    async def launch(referral):
        await referral.programs.create_program(slug="launch", name="Launch", terms=TERMS)
        await referral.programs.change_program(slug="launch", status="active")

    operate(module_database_url, launch)
    place = tmp_path_factory.mktemp("server")
    with running(place, module_database_url, workers=2) as server:
        yield server


@pytest.fixture(scope="module")
def shop(server, key):
    """Calls with the key of a shop."""
    with server.client(headers=key.bearer) as client:
        yield client


@pytest.fixture
def referee(shop):
    """Someone who signed up with a code of the program, as the shop names them."""
    code = join(shop).post("/codes", {"expires_at": FAR, "program": "launch"}).json()["code"]
    return f"user:{join(shop, code).id}"


async def delivered(client, event):
    """The answer to an event that is told again as long as the service is too busy for it."""
    while True:
        answer = await client.post("/events", json=event)
        if answer.status_code not in {429, 503}:
            return answer
        await asyncio.sleep(float(answer.headers["retry-after"]))


def tell(shop, **event):
    return shop.post("/events", json={"id": str(uuid4()), **event})


def test_a_purchase_qualifies_and_a_refund_takes_it_back(shop, referee):
    small = tell(shop, participant=referee, type="purchase", amount=1999, unit="EUR")
    large = tell(shop, id=(order := str(uuid4())), participant=referee, **PURCHASE)
    refund = tell(shop, type="refund", of=order)

    def told(answer):
        assert answer.status_code == 201, answer.text
        body = answer.json()
        assert body["referral"]["id"] == referee.removeprefix("user:")
        assert body["rewards"] == []
        [decision] = body["decisions"]
        assert decision["outcome"] == body["referral"]["status"]
        return decision

    assert told(small) == {
        "rule": "qualification",
        "outcome": "signed_up",
        "reason": "amount-too-small",
    }
    assert told(large) == {"rule": "qualification", "outcome": "qualified", "reason": "qualified"}
    assert told(refund) == {
        "rule": "qualification",
        "outcome": "signed_up",
        "reason": "refund-undoes",
    }


def test_an_event_of_someone_whom_nobody_referred_has_no_referral(shop):
    shop.put("/participants/customer-42", json={})

    told = tell(shop, participant="customer-42", **PURCHASE, metadata={"channel": "web"})

    assert told.status_code == 201
    assert told.json() == {
        "id": told.json()["id"],
        "referral": None,
        "decisions": [],
        "rewards": [],
    }


def test_what_cannot_be_is_refused_and_nothing_is_kept(shop, referee):
    order = str(uuid4())

    def problem(**event):
        answer = tell(shop, **{"participant": referee, **event})
        return answer.status_code, answer.json()["type"].rpartition("/")[2]

    assert problem(type="refund", of=order) == (404, "event-not-found")
    assert problem(**PURCHASE, occurred_at="2020-01-01T00:00:00Z") == (422, "invalid-input")
    assert problem(type="purchase", amount=2500.5, unit="EUR") == (400, "malformed-request")
    assert problem(**{**PURCHASE, "participant": "nobody"}) == (404, "participant-not-found")
    assert tell(shop, id=order, participant=referee, **PURCHASE).status_code == 201
    assert problem(id=order, type="visit") == (422, "event-differs")
    assert problem(type="refund", of=order, amount=2501, unit="EUR") == (
        422,
        "refund-exceeds-event",
    )
    assert tell(shop, type="refund", of=order, amount=2500, unit="EUR").status_code == 201


async def test_of_two_hundred_deliveries_at_once_one_is_new_and_all_are_answered_alike(
    server, shop, referee
):
    event = {"id": str(uuid4()), "participant": referee, **PURCHASE}
    async with server.crowd(40, headers=shop.headers) as client:
        answers = await asyncio.gather(*(delivered(client, event) for _ in range(200)))

    assert Counter(answer.status_code for answer in answers) == {201: 1, 200: 199}
    assert len({answer.content for answer in answers}) == 1


async def test_of_all_refunds_of_one_event_at_once_no_more_than_its_amount_is_given(
    server, shop, referee
):
    order = str(uuid4())
    tell(shop, id=order, participant=referee, **PURCHASE)
    async with server.crowd(headers=shop.headers) as client:
        answers = await asyncio.gather(
            *(
                delivered(
                    client,
                    {
                        "id": str(uuid4()),
                        "type": "refund",
                        "of": order,
                        "amount": 400,
                        "unit": "EUR",
                    },
                )
                for _ in range(20)
            )
        )

    assert Counter(answer.status_code for answer in answers) == {201: 6, 422: 14}

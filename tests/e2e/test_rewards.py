"""What a shop's server gets its people for their referrals, until it is paid."""

import asyncio
import csv
import io
from collections import Counter
from uuid import uuid4

import pytest

from databases import execute
from operators import make_keys, operate
from people import FAR, join, register
from servers import running

EUR = {"unit": "EUR"}
THANKS = {"rule": "thanks", "to": "referrer", "amount": 1000, **EUR}
WELCOME = {"rule": "welcome", "to": "referee", "amount": 500, **EUR}
TERMS = {
    "qualification": {"event": "purchase", "min_amount": 2000, **EUR},
    "rewards": [THANKS, WELCOME],
}
PROGRAMS = {
    "launch": TERMS,
    "patient": {**TERMS, "hold_days": 14},
    "tried": TERMS,
    "watched": {
        **TERMS,
        "review": {"same_network": {"sign_ups": 2, "within_hours": 24, "then": "hold"}},
    },
    "capped": {**TERMS, "caps": {"referrer": {"rewards": 50}}},
    "budgeted": {
        **TERMS,
        "rewards": [{**WELCOME, "amount": 30}],
        "caps": {"budget": [{"amount": 1000, **EUR}]},
    },
}
SCOPES = ["events:write", "participants:write", "codes:write", "rewards:write"]


@pytest.fixture(scope="module")
def key(module_database_url):
    """The key of a shop; there are programs to bring people to."""

    async def launch(referral):
        for slug, terms in PROGRAMS.items():
            await referral.programs.create_program(slug=slug, name=slug, terms=terms)
            await referral.programs.change_program(slug=slug, status="active")

    operate(module_database_url, launch)
    return make_keys(module_database_url, shop=SCOPES)["shop"]


@pytest.fixture(scope="module")
def server(key, module_database_url, tmp_path_factory):
    place = tmp_path_factory.mktemp("server")
    with running(place, module_database_url, workers=2, key_rate_limit=1_000_000) as server:
        yield server


@pytest.fixture
def shop(server, key):
    with server.client(headers=key.bearer) as client:
        yield client


async def done(client, path, body, *, expected=(200, 201)):
    """The answer to a call that is repeated for as long as the service is too busy for it."""
    while True:
        answer = await client.post(path, json=body)
        if answer.status_code not in {429, 503}:
            assert answer.status_code in expected, answer.text
            return answer
        await asyncio.sleep(float(answer.headers["retry-after"]))


def bring(shop, program, names):
    """Enrol a referrer, and people who come with their code; give the referrer."""
    referrer = str(uuid4())
    shop.put(f"/participants/{referrer}", json={})
    issued = shop.post(
        f"/participants/{referrer}/codes", json={"expires_at": FAR, "program": program}
    )
    for name in names:
        shop.put(f"/participants/{name}", json={})
        joined = shop.post("/referrals", json={"code": issued.json()["code"], "participant": name})
        assert joined.status_code == 201, joined.text
    return referrer


def purchase(name):
    return {
        "id": str(uuid4()),
        "type": "purchase",
        "participant": name,
        "amount": 2500,
        **EUR,
    }


def at_once(server, key, calls):
    """The answers to calls that are made all at the same time."""

    async def make():
        async with server.crowd(headers=key.bearer) as client:
            return await asyncio.gather(*(done(client, *call) for call in calls))

    return asyncio.run(make())


def balance_of(shop, name):
    return shop.get(f"/participants/{name}/balance").json()


def test_a_purchase_is_rewarded_approved_paid_and_explained(shop):
    bob = str(uuid4())
    ann = bring(shop, "patient", [bob])
    referral = shop.get("/referrals", params={"referrer": ann}).json()["items"][0]["id"]

    told = shop.post("/events", json=(order := purchase(bob)))

    assert told.status_code == 201, told.text
    thanks, welcome = told.json()["rewards"]
    assert thanks == {
        "id": thanks["id"],
        "rule": "thanks",
        "to": "referrer",
        "amount": 1000,
        "unit": "EUR",
        "status": "pending",
    }
    assert (welcome["rule"], welcome["to"], welcome["amount"]) == ("welcome", "referee", 500)
    held = shop.post(f"/rewards/{thanks['id']}/hold", json={"reason": "Wait."})
    assert (held.status_code, held.json()["status"]) == (200, "held")
    for status in ("pending", "approved"):
        approved = shop.post(f"/rewards/{thanks['id']}/approve")
        assert (approved.status_code, approved.json()["status"]) == (200, status)
    rejected = shop.post(f"/rewards/{welcome['id']}/reject", json={"reason": "A fake."})
    assert rejected.json()["status"] == "rejected"
    assert balance_of(shop, ann) == [
        {"unit": "EUR", "pending": 0, "available": 1000, "paid": 0, "recoverable": 0}
    ]

    wanted = {"participant": ann, "reference": str(uuid4()), **EUR}
    paid = shop.post("/payouts", json=wanted)

    assert (paid.status_code, paid.json()["amount"], paid.json()["rewards"]) == (201, 1000, 1)
    assert shop.post("/payouts", json=wanted).status_code == 200
    assert shop.get(f"/payouts/{paid.json()['id']}").json() == paid.json()
    assert paid.json() in shop.get("/payouts").json()["items"]
    exported = shop.get("/payouts/export.csv")
    assert exported.headers["content-type"].startswith("text/csv")
    [row] = [
        row
        for row in csv.DictReader(io.StringIO(exported.text))
        if row["reference"] == wanted["reference"]
    ]
    assert (row["participant"], row["unit"], row["amount"]) == (ann, "EUR", "1000")
    assert row["created_at"] == paid.json()["created_at"]
    refund = shop.post("/events", json={"id": str(uuid4()), "type": "refund", "of": order["id"]})
    [recovery] = refund.json()["rewards"]
    assert (recovery["amount"], recovery["status"]) == (-1000, "approved")
    assert balance_of(shop, ann)[0]["recoverable"] == 1000
    [newest, first] = shop.get(f"/participants/{ann}/rewards").json()["items"]
    assert (newest["recovers"], first["status"]) == (first["id"], "paid")
    explained = shop.get(f"/referrals/{referral}/explanation").json()
    sentences = [made["sentence"] for made in explained["decisions"]]
    assert sentences[1].startswith(f"The event {order['id']} is a purchase of 25.00 EUR.")
    assert sentences[-1].endswith(
        "10.00 EUR is to be recovered (rule thanks): the referral no longer qualifies."
    )
    until = shop.get(
        f"/referrals/{referral}/explanation", params={"as_of": explained["decisions"][0]["at"]}
    )
    assert len(until.json()["decisions"]) == 1


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "problem"),
    [
        ("POST", "/rewards/{id}/approve", None, 404, "reward-not-found"),
        ("POST", "/rewards/{id}/hold", {"reason": ""}, 422, "invalid-input"),
        ("GET", "/payouts/{id}", None, 404, "payout-not-found"),
        ("GET", "/rewards?status=gone", None, 422, "invalid-input"),
        ("GET", "/rewards?program=unknown", None, 404, "program-not-found"),
        ("GET", "/rewards?participant=unknown", None, 404, "participant-not-found"),
        ("GET", "/participants/unknown/balance", None, 404, "participant-not-found"),
        ("GET", "/referrals/{id}/explanation", None, 404, "referral-not-found"),
        (
            *("POST", "/payouts", {"reference": "1", "unit": "EUR"}),
            *(422, "invalid-input"),
        ),
        (
            *("POST", "/payouts", {"reference": "1", "unit": "EUR", "participant": "unknown"}),
            *(404, "participant-not-found"),
        ),
    ],
)
def test_what_cannot_be_is_refused(*, shop, method, path, body, status, problem):
    answer = shop.request(method, path.format(id=uuid4()), json=body)

    assert answer.status_code == status
    assert answer.json()["type"] == f"/problems/{problem}"


def test_who_has_nothing_is_paid_nothing(shop):
    ann = bring(shop, "launch", [])

    answer = shop.post("/payouts", json={"participant": ann, "reference": str(uuid4()), **EUR})

    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/nothing-to-pay")


def test_people_see_their_own_rewards_and_why(shop):
    ann = join(shop)
    code = ann.post("/codes", {"expires_at": FAR, "program": "launch"}).json()["code"]
    bob = join(shop, code)

    shop.post("/events", json=purchase(f"user:{bob.id}"))

    [mine] = ann.get("/users/me/rewards").json()["items"]
    assert (mine["rule"], mine["amount"], mine["status"]) == ("thanks", 1000, "approved")
    assert bob.get("/users/me/balance").json()[0]["available"] == 500
    explained = ann.get(f"/referrals/{bob.id}/explanation").json()
    assert [made["rule"] for made in explained["decisions"]] == [
        "referral",
        "qualification",
        "thanks",
    ]
    assert bob.get(f"/referrals/{bob.id}/explanation").status_code == 403


def test_an_event_that_is_delivered_200_times_at_once_is_rewarded_once(server, shop, key):
    bob = str(uuid4())
    ann = bring(shop, "launch", [bob])
    event = purchase(bob)

    answers = at_once(server, key, [("/events", event)] * 200)

    assert Counter(answer.status_code for answer in answers) == {201: 1, 200: 199}
    assert len({answer.text for answer in answers}) == 1
    assert len(shop.get(f"/participants/{ann}/rewards").json()["items"]) == 1
    assert len(shop.get(f"/participants/{bob}/rewards").json()["items"]) == 1


def test_a_cap_of_50_lets_50_of_200_events_at_once_through(server, shop, key):
    names = [str(uuid4()) for _ in range(200)]
    ann = bring(shop, "capped", names)

    answers = at_once(server, key, [("/events", purchase(name)) for name in names])

    refused = [
        decision
        for answer in answers
        for decision in answer.json()["decisions"]
        if decision["reason"] == "referrer-cap-reached"
    ]
    assert balance_of(shop, ann)[0]["available"] == 50 * 1000
    assert len(refused) == 150


def test_a_budget_of_1000_gives_33_of_100_claims_of_30_at_once(server, shop, key):
    names = [str(uuid4()) for _ in range(100)]
    for some in (names[:50], names[50:]):
        bring(shop, "budgeted", some)

    answers = at_once(server, key, [("/events", purchase(name)) for name in names])

    outcomes = Counter(answer.json()["decisions"][1]["reason"] for answer in answers)
    assert outcomes == {"earned": 33, "budget-spent": 67}
    given = [balance_of(shop, name) for name in names]
    assert sum(balance["available"] for found in given for balance in found) == 33 * 30


def test_a_payout_that_is_asked_for_50_times_at_once_is_made_once(server, shop, key):
    bob = str(uuid4())
    ann = bring(shop, "launch", [bob])
    shop.post("/events", json=purchase(bob))
    wanted = {"participant": ann, "reference": str(uuid4()), **EUR}

    answers = at_once(server, key, [("/payouts", wanted)] * 50)

    assert Counter(answer.status_code for answer in answers) == {201: 1, 200: 49}
    assert len({answer.text for answer in answers}) == 1
    assert balance_of(shop, ann)[0]["paid"] == 1000


def test_draft_terms_are_tried_on_what_happened_unless_that_is_too_much(shop, server):
    bring(shop, "tried", ["tried-1", "tried-2"])
    shop.post("/events", json=purchase("tried-1"))
    draft = {**TERMS, "rewards": [{**THANKS, "amount": 700}]}

    def tried(**body):
        return shop.post("/programs/tried/backtest", json={"terms": draft, **body})

    found = tried(to=FAR)
    nothing = tried(**{"from": FAR})
    wrong = tried(terms={"rewards": [{**THANKS, "amount": 0}]}, to="soon")
    execute(
        server.database_url,
        "INSERT INTO events (source, id, participant_id, type, occurred_at, recorded_at, metadata, digest)"
        " SELECT 'key:shop', n, id, 'visit', now(), now(), '{}', ''"
        " FROM users, generate_series(1, 20000) AS n WHERE external_id = 'tried-2'",
    )
    too_much = tried()

    assert found.json() == {
        "terms_version": 1,
        "referrals": 2,
        "events": 1,
        "rules": [
            {
                "rule": rule,
                **EUR,
                "today": {"rewards": 1, "amount": today},
                "draft": {"rewards": rewards, "amount": amount},
                "difference": {"rewards": rewards - 1, "amount": amount - today},
            }
            for rule, today, rewards, amount in [("thanks", 1000, 1, 700), ("welcome", 500, 0, 0)]
        ],
        "totals": [
            {
                **EUR,
                "today": {"rewards": 2, "amount": 1500},
                "draft": {"rewards": 1, "amount": 700},
                "difference": {"rewards": -1, "amount": -800},
            }
        ],
    }
    assert (found.status_code, nothing.json()["referrals"]) == (200, 0)
    assert wrong.status_code == 422
    assert [error["pointer"] for error in wrong.json()["errors"]] == [
        *("#/to", "#/terms/rewards/0/amount")
    ]
    assert too_much.status_code == 422
    assert too_much.json()["type"] == "/problems/backtest-too-large"
    assert "referral program backtest" in too_much.json()["detail"]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"json": {"reason": "A good customer."}}, ": A good customer."),
        ({"json": {}}, "."),
        ({}, "."),
        ({"headers": {"Idempotency-Key": "a", "Content-Type": "application/json"}}, "."),
    ],
)
def test_why_a_reward_is_approved_is_kept_if_it_is_said(*, shop, key, body, told):
    bob = str(uuid4())
    bring(shop, "patient", [bob])
    event = shop.post("/events", json=purchase(bob)).json()
    reward = event["rewards"][0]["id"]
    for wrong, status in (({"reason": 1}, 400), ({"reason": " "}, 422), ({"why": "x"}, 422)):
        assert shop.post(f"/rewards/{reward}/approve", json=wrong).status_code == status

    approved = shop.post(f"/rewards/{reward}/approve", **body)

    assert (approved.status_code, approved.json()["status"]) == (200, "approved")
    explained = shop.get(f"/referrals/{event['referral']['id']}/explanation").json()
    assert explained["decisions"][-1]["sentence"].endswith(f", by key:{key.id}{told}")


@pytest.mark.parametrize(
    ("verdict", "status"), [("hold", "held"), ("approve", "approved"), ("reject", "rejected")]
)
def test_a_reward_that_is_decided_with_a_key_is_told_as_it_is_then(shop, verdict, status):
    bob = str(uuid4())
    bring(shop, "patient", [bob])
    reward = shop.post("/events", json=purchase(bob)).json()["rewards"][0]["id"]
    key = {"Idempotency-Key": str(uuid4())}

    told = [
        shop.post(f"/rewards/{reward}/{verdict}", headers=key, json={"reason": "So."})
        for _ in range(2)
    ]

    assert [answer.json()["status"] for answer in told] == [status, status]


@pytest.mark.parametrize(("verdict", "status"), [("release", "signed_up"), ("reject", "rejected")])
def test_a_review_that_is_decided_with_a_key_is_told_as_it_is_then(server, shop, verdict, status):
    referee = held_referee(server)
    key = {"Idempotency-Key": str(uuid4())}

    told = [
        shop.post(f"/reviews/{referee['id']}/{verdict}", headers=key, json={"reason": "So."})
        for _ in range(2)
    ]

    assert [(a.json()["status"], a.json()["held"]) for a in told] == [(status, False)] * 2


def held_referee(server):
    """Somebody who signs up at the referrer's network."""
    with server.client() as client:
        return register(client, join(client).new_code(program="watched"))


def test_who_signs_up_at_the_referrers_network_is_held_until_someone_decides(server, shop, key):
    referee = held_referee(server)

    listed = shop.get("/reviews", params={"status": "open"}).json()["items"]
    [held] = [review for review in listed if review["id"] == referee["id"]]
    assert (held["review"], held["doubts"], held["decided_by"]) == ("open", ["same-network"], None)
    answer = shop.post(f"/reviews/{referee['id']}/release", json={"reason": "They are sisters."})
    assert answer.json()["held"] is False

    [released] = shop.get("/reviews", params={"status": "released", "limit": 1}).json()["items"]
    assert (released["id"], released["review"]) == (referee["id"], "released")
    assert (released["decided_by"], released["reason"]) == (f"key:{key.id}", "They are sisters.")
    assert (released["held_reasons"], released["doubts"]) == ([], ["same-network"])
    assert released["sentences"] == held["sentences"]
    [sentence] = held["sentences"]
    assert sentence.startswith("The referral is held: the referrer and those they brought were")
    assert released["decided_at"] > released["created_at"]
    refused = shop.get("/reviews", params={"status": "held"})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "#/status")

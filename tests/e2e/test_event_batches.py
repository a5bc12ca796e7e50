"""A shop's server tells of many events at once, a line each."""

import json
from uuid import uuid4

import httpx
import pytest

from databases import query
from operators import make_keys
from servers import running

NDJSON = {"Content-Type": "application/x-ndjson"}


@pytest.fixture(scope="module")
def shop(module_database_url, tmp_path_factory):
    """Calls with the key of a shop, which has enrolled customers 1 to 3."""
    key = make_keys(module_database_url, shop=["events:write", "participants:write"])["shop"]
    with (
        running(tmp_path_factory.mktemp("server"), module_database_url, workers=2) as server,
        server.client(headers=key.bearer) as client,
    ):
        for number in (1, 2, 3):
            client.put(f"/participants/customer-{number}", json={})
        yield client


@pytest.fixture
def count(module_database_url):
    def count():
        return query(module_database_url, "SELECT count(*) FROM events")[0][0]

    return count


def visit(customer=1, **more):
    event = {"id": str(uuid4()), "type": "visit", "participant": f"customer-{customer}", **more}
    return json.dumps(event).encode()


def send(shop, *lines, **headers):
    return shop.post("/events/batch", content=b"\n".join(lines), headers={**NDJSON, **headers})


def told(answer):
    assert (answer.status_code, answer.headers["content-type"]) == (200, NDJSON["Content-Type"])
    return [json.loads(line) for line in answer.text.splitlines()]


def problems(lines):
    return [
        (line["status"], line["problem"]["type"].rpartition("/")[2]) if "problem" in line else line
        for line in lines
    ]


def test_each_line_is_answered_as_one_event_would_be_in_the_same_order(shop):
    lines = [visit(customer) for customer in (1, 2, 3)]

    first = told(send(shop, *lines, b""))
    again = told(send(shop, *lines[::-1]))

    assert [line["status"] for line in first] == [201] * 3
    assert [line["status"] for line in again] == [200] * 3
    for line, sent in zip(first, lines, strict=True):
        alone = shop.post("/events", content=sent, headers={"Content-Type": "application/json"})
        assert line["outcome"] == alone.json()
        assert set(line) == {"status", "outcome"}
    assert [line["outcome"] for line in again] == [line["outcome"] for line in first][::-1]


def test_a_line_that_is_refused_is_refused_alone(shop, count):
    before = count()
    good = visit()

    lines = told(
        send(
            shop,
            good,
            b"{",
            b"",
            visit(amount="2"),
            visit(wrong=1),
            visit(customer=404),
            visit(metadata={"long": "x" * 65_536}),
            visit(id=json.loads(good)["id"], unit="EUR", amount=1),
            visit(),
        )
    )

    assert problems(lines[1:8]) == [
        (400, "malformed-request"),
        (400, "malformed-request"),
        (400, "malformed-request"),
        (422, "invalid-input"),
        (404, "participant-not-found"),
        (413, "body-too-large"),
        (422, "event-differs"),
    ]
    assert lines[3]["problem"]["errors"][0]["pointer"] == "#/amount"
    assert set(lines[1]) == {"status", "problem"}
    assert (lines[0]["status"], lines[8]["status"]) == (201, 201)
    assert count() == before + 2


def test_a_refund_may_follow_what_it_is_of(shop):
    order = str(uuid4())

    lines = told(
        send(
            shop,
            visit(id=order, type="purchase", amount=100, unit="EUR"),
            json.dumps({"id": str(uuid4()), "type": "refund", "of": order}).encode(),
        )
    )

    assert [line["status"] for line in lines] == [201, 201]


def test_a_thousand_lines_are_taken_and_one_more_is_not(shop, count):
    before = count()
    lines = [visit(n % 3 + 1) for n in range(1001)]

    refused = send(shop, *lines)
    assert refused.status_code == 422
    assert "1,000 lines" in refused.json()["errors"][0]["detail"]
    assert count() == before

    assert [line["status"] for line in told(send(shop, *lines[:1000]))] == [201] * 1000
    assert count() == before + 1000


@pytest.mark.parametrize("chunked", [False, True])
def test_a_batch_of_one_mebibyte_is_taken_and_a_byte_more_is_not(shop, count, chunked):
    lines = [visit(metadata={f"key{n}": "x" * 500 for n in range(50)}) for _ in range(30)]
    batch = b"\n".join(lines)
    batch += b" " * (2**20 - len(batch))
    before = count()

    def send(content):
        content = iter([content]) if chunked else content
        return shop.post("/events/batch", content=content, headers=NDJSON)

    assert send(batch + b" ").status_code == 413
    assert count() == before
    lines = told(send(batch))
    # The last has the blanks, and with them it is longer than a line may be.
    assert [line["status"] for line in lines] == [201] * 29 + [413]


def test_who_does_not_say_who_they_are_sends_no_large_body(shop):
    for status, headers in ((401, {}), (413, {"Idempotency-Key": str(uuid4())})):
        answer = httpx.post(
            f"{shop.base_url}events/batch", content=b"x" * 100_000, headers={**NDJSON, **headers}
        )
        assert answer.status_code == status
        assert answer.headers["connection"] == "close"


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "application/json"},
        {"Content-Type": "application/x-ndjson; charset=latin-1"},
        {"Content-Encoding": "gzip"},
    ],
)
def test_another_media_type_is_refused(shop, headers):
    answer = send(shop, visit(), **headers)

    assert answer.status_code == 415
    assert "x-ndjson" in answer.json()["detail"]


def test_a_batch_that_is_sent_again_with_its_key_gets_the_first_answer(shop, count):
    lines, key = [visit(n % 3 + 1) for n in range(1000)], {"Idempotency-Key": str(uuid4())}
    before = count()

    first = send(shop, *lines[1:], b"{", **key)
    again = shop.post(
        "/events/batch/", content=b"\n".join([*lines[1:], b"{"]), headers={**NDJSON, **key}
    )
    other = send(shop, *lines, **key)

    assert [line["status"] for line in told(first)] == [201] * 999 + [400]
    assert (again.content, again.headers["idempotency-replayed"]) == (first.content, "true")
    assert count() == before + 999
    assert (other.status_code, other.json()["type"]) == (422, "/problems/idempotency-key-reused")

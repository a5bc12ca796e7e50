"""Every hostile input in its share of the places that it fits: answered as described, nothing changed, nothing told."""

import asyncio
import hashlib
import json
import re
from collections.abc import Iterable

import pytest

from databases import query
from hostile.description import Description
from hostile.inputs import CORPORA, lines, spelled, texts
from hostile.places import Places
from hostile.wire import Answer, Request, answers_to, connect
from people import join
from referral.adapters.postgres.tables import metadata, rate_limits

LONGEST = 4.0  # seconds; what some inputs ask the database to sleep is more than twice that

HANGING_ON = 20  # seconds in which the server has to end a connection, whatever was sent

# What each corpus is about, as numbered in docs/security-rows.md.
ROWS = {
    "bodies": "d03_d04_d05_d06_d14",
    "codes": "c11",
    "emails": "d12",
    "forms": "a18_a19_a20",
    "headers": "d19_d23",
    "ids": "c05_d08",
    "names": "d02",
    "numbers": "d07",
    "passwords": "a07",
    "queries": "d09_d10",
    "sql": "d01",
    "targets": "c12",
    "times": "d11",
    "tokens": "b01_to_b14",
    "unicode": "d02_d04",
}


@pytest.fixture(scope="module")
def places(server, client):
    caller, issuer = join(client), join(client)
    return Places(Description.of(server.address), caller, caller.new_code(), issuer)


def digest(database_url: str) -> dict[str, str]:
    """What is in each table, but for the counts of who tries too often."""
    return {
        table.name: hashlib.sha256(
            repr(query(database_url, f"SELECT t::text FROM {table.name} t ORDER BY 1")).encode()
        ).hexdigest()
        for table in metadata.sorted_tables
        if table is not rate_limits
    }


def complaints(answered: Iterable[tuple[Request, Answer]], description: Description) -> list[str]:
    """What is wrong with the answers, each kind once for an address."""
    wrong = set()
    for request, answer in answered:
        complaint = description.complaint(request, answer)
        if answer.seconds > LONGEST:
            complaint = f"{complaint} after {answer.seconds:.1f} s"
        if complaint:
            wrong.add(f"{answer.status} {request.method} {request.target[:60]}: {complaint}")
    return sorted(wrong)


def log_since(server, start: int) -> list[dict[str, object]]:
    """The lines that were logged since, each a JSON object; the last may not be there as a whole yet."""
    whole, _, _ = server.log.read_text()[start:].rpartition("\n")
    return [json.loads(line) for line in whole.splitlines()]


def test_there_are_thousands_of_hostile_inputs():
    assert {*CORPORA} == {*ROWS, "requests"}
    assert sum(len({*lines(corpus)}) for corpus in CORPORA) >= 3900
    assert len(lines("sql")) >= 120


@pytest.mark.parametrize("corpus", ROWS, ids=lambda corpus: f"{ROWS[corpus]}_{corpus}")
def test_every_input_is_answered_as_described_and_what_is_refused_changes_nothing(
    corpus, server, places
):
    start = len(server.log.read_text())
    reuse = corpus not in {"headers", "targets"}
    requests = list(places.requests(corpus))

    answered = asyncio.run(answers_to(server.address, requests, reuse=reuse))
    refused = [request for request, answer in answered if answer.status >= 400]
    places.issuer.new_code(replace_active=True)  # or a text that was issued would now be good
    before = digest(server.database_url)
    again = asyncio.run(answers_to(server.address, refused, reuse=reuse))

    assert complaints([*answered, *again], places.description) == []
    assert digest(server.database_url) == before
    logged = log_since(server, start)
    assert {line["level"] for line in logged} == {"info"}
    assert len({line["pid"] for line in logged}) <= 2, "a worker was replaced"


def test_a_token_of_the_corpus_would_be_good_if_nothing_were_wrong_with_it(places):
    caller = places.caller
    token = spelled([{"jwt": {"claims": {"sub": f'"{caller.id}"'}}}])

    answer = caller.client.get("/users/me", headers={"Authorization": f"Bearer {token}"})

    assert answer.status_code == 200


def test_b01_to_b14_no_token_of_the_corpus_opens_anything(server, places):
    requests = [r for r in places.requests("tokens") if not r.target.startswith("/api/v1/auth/")]

    answered = asyncio.run(answers_to(server.address, requests))

    opened = [request for request, answer in answered if answer.status not in {400, 401, 431}]
    assert opened == []


def test_d16_d17_d20_d21_whatever_bytes_come_the_server_answers_or_hangs_up(server, places):
    start = len(server.log.read_text())
    before = digest(server.database_url)

    async def sent(text: str) -> bytes:
        connection = await connect(server.address)
        async with asyncio.timeout(HANGING_ON):
            return await connection.everything(text.encode("latin-1"))

    async def all_sent() -> list[bytes]:
        return await asyncio.gather(*map(sent, texts("requests")))

    answers = asyncio.run(all_sent())

    statuses = [re.findall(rb"^HTTP/1.1 (\d{3})", answer, re.MULTILINE) for answer in answers]
    assert {status for each in statuses for status in each if status >= b"500"} == set()
    assert digest(server.database_url) == before
    logged = log_since(server, start)
    assert {line["level"] for line in logged} == {"info"}
    assert len({line["pid"] for line in logged}) <= 2, "a worker was replaced"
    assert places.caller.get("/users/me").status_code == 200

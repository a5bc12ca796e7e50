"""A server issues codes for its people, and joins those it enrols to their owners."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from operators import make_keys
from people import FAR, join
from servers import running


@pytest.fixture(scope="module")
def database_url(databases):
    with databases.migrated() as url:
        yield url


@pytest.fixture(scope="module")
def shop(database_url, tmp_path_factory):
    """Calls with the key of a shop; each address is a path under the API's."""
    scopes = ["participants:write", "codes:write", "programs:write", "events:write"]
    key = make_keys(database_url, shop=scopes)["shop"]
    with (
        running(tmp_path_factory.mktemp("server"), database_url, workers=2) as server,
        server.client(headers=key.bearer) as client,
    ):
        yield client


@pytest.fixture
def enrol(shop):
    """Enrol somebody new: their external id."""

    def enrol():
        participant = f"customer-{uuid4()}"
        assert shop.put(f"/participants/{participant}", json={}).status_code == 201
        return participant

    return enrol


@pytest.fixture
def issue(shop):
    def issue(participant, **more):
        issued = shop.post(f"/participants/{participant}/codes", json={"expires_at": FAR, **more})
        assert issued.status_code == 201, issued.text
        return issued.json()["code"]

    return issue


@pytest.fixture
def program(shop):
    """Make an active program with these terms: its slug."""

    def program(**terms):
        slug = f"program-{uuid4()}"
        assert shop.post("/programs", json={"slug": slug, "name": "P", "terms": terms}).is_success
        assert shop.patch(f"/programs/{slug}", json={"status": "active"}).is_success
        return slug

    return program


@pytest.fixture
def refer(shop):
    def refer(code, participant, **options):
        return shop.post("/referrals", json={"code": code, "participant": participant}, **options)

    return refer


def problem(answer):
    return answer.status_code, answer.json()["type"].removeprefix("/problems/")


def test_a_participant_is_joined_shown_and_listed(shop, enrol, issue, refer, program):
    slug = program(qualification={"event": "purchase"})
    rose, bob = enrol(), enrol()
    code = issue(rose, program=slug)

    made = refer(code.lower(), bob)
    again = refer(code, bob)

    referral = made.json()
    assert (made.status_code, again.status_code) == (201, 200)
    assert referral == {
        "id": shop.get(f"/participants/{bob}").json()["id"],
        "program": slug,
        "terms_version": 1,
        "referrer": rose,
        "referee": bob,
        "code": code,
        "status": "signed_up",
        "held": False,
        "held_reasons": [],
        "created_at": referral["created_at"],
        "qualified_at": None,
    }
    assert again.json() == referral
    assert shop.get(f"/referrals/{referral['id']}").json() == referral
    for path in (
        f"/referrals?program={slug}",
        f"/referrals?referrer={rose}&status=signed_up",
        f"/participants/{rose}/referrals",
    ):
        assert shop.get(path).json() == {"items": [referral], "next_cursor": None}
    assert shop.get(f"/referrals?program={slug}&status=qualified").json()["items"] == []


def test_what_cannot_be_joined_is_refused_in_words(enrol, issue, refer, program, shop):
    rose, tom, bob = enrol(), enrol(), enrol()
    code, other = issue(rose), issue(tom)
    late = issue(rose, program=program(attach_within_days=0))

    assert problem(refer(code, rose)) == (422, "self-referral")
    assert problem(refer("NOBODY-HAS-IT", bob)) == (404, "code-not-usable")
    assert problem(refer(code, "nobody")) == (404, "participant-not-found")
    assert problem(refer(late, bob)) == (422, "too-late-to-refer")
    assert shop.get(f"/participants/{bob}").json()["referrer_id"] is None
    assert refer(code, bob).status_code == 201
    assert problem(refer(other, bob)) == (409, "already-referred")
    assert problem(shop.get(f"/referrals/{uuid4()}")) == (404, "referral-not-found")
    assert problem(shop.get("/referrals?program=none")) == (404, "program-not-found")
    assert problem(shop.get("/referrals?referrer=nobody")) == (404, "participant-not-found")
    refused = shop.get("/referrals?status=done&limit=1")
    assert problem(refused) == (422, "invalid-input")
    assert [error["pointer"] for error in refused.json()["errors"]] == ["#/status"]


def test_a_call_that_is_repeated_with_its_key_gets_the_first_answer(enrol, issue, refer):
    code, bob = issue(enrol()), enrol()
    key = {"Idempotency-Key": str(uuid4())}

    first, second = (refer(code, bob, headers=key) for _ in range(2))

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert second.headers["idempotency-replayed"] == "true"


def test_codes_and_referrals_are_walked_newest_first(shop, enrol, issue, refer, program):
    rose = enrol()
    codes = [issue(rose), issue(rose, program=program())]
    referees = [enrol() for _ in range(3)]
    for bob in referees:
        assert refer(codes[0], bob).status_code == 201

    def walk(path, member):
        cursor, found = {}, []
        while True:
            page = shop.get(path, params={"limit": 1, **cursor}).json()
            found += [item[member] for item in page["items"]]
            if page["next_cursor"] is None:
                return found
            cursor = {"cursor": page["next_cursor"]}

    assert walk(f"/participants/{rose}/codes", "code") == codes[::-1]
    assert walk(f"/participants/{rose}/referrals", "referee") == referees[::-1]


def test_people_who_registered_refer_and_are_referred(shop, refer):
    ann, bob = join(shop), join(shop)

    made = refer(ann.new_code(), f"user:{bob.id}").json()

    assert (made["referrer"], made["referee"]) == (f"user:{ann.id}", f"user:{bob.id}")
    assert bob.get("/users/me").json()["referrer_id"] == ann.id
    assert ann.get(f"/users/{ann.id}").json()["total"] == 1


def test_c10_of_two_people_who_are_to_bring_each_other_at_once_one_does(enrol, issue, refer):
    rose, bob = enrol(), enrol()
    calls = [(issue(rose), bob), (issue(bob), rose)]

    with ThreadPoolExecutor(2) as pool:
        answers = [*pool.map(lambda call: refer(*call), calls)]

    made, refused = sorted(answers, key=lambda answer: answer.status_code)
    assert made.status_code == 201, made.text
    assert problem(refused) == (422, "circular-referral")


def test_an_event_counts_that_is_told_while_someone_is_joined(shop, enrol, issue, refer, program):
    code = issue(enrol(), program=program(qualification={"event": "visit"}))

    def come(_):
        bob = enrol()
        event = {"id": str(uuid4()), "type": "visit", "participant": bob}
        with ThreadPoolExecutor(2) as pool:
            told = pool.submit(shop.post, "/events", json=event)
            joined = pool.submit(refer, code, bob).result()
            assert (told.result().status_code, joined.status_code) == (201, 201)
        return shop.get(f"/referrals/{joined.json()['id']}").json()["status"]

    assert {*map(come, range(10))} == {"qualified"}


def test_an_erased_participant_stays_in_the_counts_without_a_name(shop, enrol, issue, refer):
    rose, bob = enrol(), enrol()
    made = refer(issue(rose), bob).json()

    assert shop.delete(f"/participants/{bob}").status_code == 204

    [left] = shop.get(f"/participants/{rose}/referrals").json()["items"]
    assert left == {**made, "referee": f"user:{made['id']}"}

"""Issuing, listing, finding and withdrawing codes."""

import random
import string

import pytest

from people import FAR, details, join


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2030-10-10 12:00", "2030-10-10T12:00:00Z"),
        ("2030-10-10T12:00", "2030-10-10T12:00:00Z"),
        ("2030-10-10T12:00:00", "2030-10-10T12:00:00Z"),
        ("2030-10-10T12:00:00Z", "2030-10-10T12:00:00Z"),
        ("2030-10-10T15:00:00+03:00", "2030-10-10T12:00:00Z"),
        ("2030-10-10T12:00:00.25Z", "2030-10-10T12:00:00.250000Z"),
    ],
)
def test_every_way_to_write_a_time_is_taken_and_answered_in_utc(ann, written, meant):
    answer = ann.post("/codes", {"expires_at": written})

    assert answer.status_code == 201
    assert answer.json()["expires_at"] == meant


@pytest.mark.parametrize(
    "written",
    [
        "2023-10-10 12:00",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-12:00",
        "2030-02-30 12:00",
        "2030-10-10",
        "tomorrow",
        "",
        "2099-01-01 00:00",
    ],
)
def test_d11_a_time_that_cannot_be_is_refused(ann, written):
    answer = ann.post("/codes", {"expires_at": written})

    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == ["#/expires_at"]
    assert ann.get("/codes").json()["total"] == 0


def test_a_code_without_a_text_gets_one_that_cannot_be_misread(ann):
    code = ann.new_code()

    assert len(code) == 12
    assert set(code) <= set("23456789ABCDEFGHJKMNPQRSTUVWXYZ")


def test_there_is_one_active_code_at_a_time_unless_it_is_replaced(client, ann):
    first = ann.new_code()

    beside = ann.issue()
    instead = ann.issue(replace_active=True)

    assert (beside.status_code, beside.json()["type"]) == (409, "/problems/active-code-exists")
    assert instead.status_code == 201
    assert [code["code"] for code in ann.get("/codes").json()["items"]] == [instead.json()["code"]]
    assert client.get(f"/codes/{first}/status").status_code == 404


def test_a_text_that_anyone_ever_used_is_taken(ann, bob):
    code = ann.new_code()
    ann.delete(f"/codes/{code}")

    answer = bob.issue(code=code.lower())

    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/code-taken")


def test_a_code_is_found_by_its_owners_address_in_any_case(ann, bob):
    code = ann.new_code()

    answer = bob.get(f"/codes/{ann.email.upper()}/")

    assert answer.status_code == 200
    found = answer.json()
    assert found["code"] == code
    assert found["user"] == {"id": ann.id, "email": ann.email, "username": ann.username}
    assert found["user_id"] == ann.id


@pytest.mark.parametrize("address", ["a/{}@example.org", "/{}/status@example.org"])
def test_a_code_is_found_by_an_address_with_a_slash(client, bob, address):
    email = address.format("".join(random.choices(string.ascii_lowercase, k=8)))
    ann = join(client, email=email)
    code = ann.new_code()

    for written in ("%2F", "%2f"):
        found = bob.get(f"/codes/{email.replace('/', written)}")

        assert found.json()["code"] == code
    for written in ("/", "//", "%252F", "%5C"):
        assert bob.get(f"/codes/{email.replace('/', written)}").status_code == 404


def test_c12_an_encoded_slash_separates_nothing(client, ann):
    code = ann.new_code()

    assert client.get(f"/codes/{code}/status").status_code == 200
    assert client.get(f"/codes/{code}%2Fstatus").status_code == 401
    assert ann.get(f"/codes/{code}%2Fstatus").status_code == 404
    assert ann.delete(f"/codes%2F{code}").status_code == 404
    assert ann.delete(f"/codes/x%2F..%2F{code}").status_code == 404
    assert client.post(f"/auth/user%2F{code}", json=details()).status_code == 404
    assert client.post(f"/auth/user/x%2F{code}", json=details()).json()["type"] == (
        "/problems/code-not-usable"
    )
    assert ann.get(f"/codes/{ann.email}").json()["code"] == code


def test_c08_no_such_user_and_no_active_code_get_the_same_answer(client, ann, bob):
    withdrawn = ann.new_code()
    ann.delete(f"/codes/{withdrawn}")

    without, unknown = bob.get(f"/codes/{ann.email}"), bob.get("/codes/no.one@example.org")

    assert without.status_code == unknown.status_code == 404
    differing = "instance"
    assert {**without.json(), differing: ""} == {**unknown.json(), differing: ""}


def test_c02_nobody_withdraws_someone_elses_code(client, ann, bob):
    code = ann.new_code()

    answer = bob.delete(f"/codes/{code}")

    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/not-your-code")
    assert client.get(f"/codes/{code}/status").json()["is_active"] is True


def test_a_code_is_withdrawn_once(ann):
    code = ann.new_code()

    answers = [ann.delete(f"/codes/{code.lower()}") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [204, 404]


def test_anyone_can_ask_whether_a_code_is_good(client, ann):
    code = ann.new_code()

    answer = client.get(f"/codes/{code.lower()}/status/")

    assert answer.status_code == 200
    assert answer.json() == {"code": code, "is_active": True, "expires_at": FAR}


def test_one_lists_ones_own_codes_by_page(client, ann):
    join(client).new_code()
    mine = [ann.new_code(replace_active=False)]

    page = ann.get("/codes", params={"size": 1, "page": 1}).json()
    beyond = ann.get("/codes", params={"size": 1, "page": 2}).json()

    assert [code["code"] for code in page["items"]] == mine
    assert (page["total"], page["page"], page["size"], page["pages"]) == (1, 1, 1, 1)
    assert (beyond["items"], beyond["total"], beyond["page"]) == ([], 1, 2)

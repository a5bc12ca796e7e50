"""Passwords over the socket: which are taken, and that none is cut, repaired or taken for another."""

import json
import time

import pytest

from people import details, log_in

JSON = {"Content-Type": "application/json"}
LONGEST = "x7$ " * 18  # 72 bytes


def register(client, password: str, **more):
    return client.post("/auth/user", json={**details(), "password": password, **more})


def taken(client, password: str) -> bool:
    """Whether someone can register with it, and log in with the same and nothing else."""
    answer = register(client, password)
    if answer.status_code == 422:
        assert [error["pointer"] for error in answer.json()["errors"]] == ["#/password"]
        return False
    assert answer.status_code == 201, answer.text
    assert log_in(client, answer.json()["username"], password)
    return True


@pytest.mark.parametrize("characters", [0, 1, 7, 8])
@pytest.mark.parametrize("character", ["k", "é", "🦊"])
def test_a01_a_password_of_seven_characters_is_refused_and_one_of_eight_is_not(
    client, characters, character
):
    password = (character + "2z%Q!9w")[:characters]

    assert taken(client, password) == (characters == 8)


@pytest.mark.parametrize(
    "password",
    [
        "x" * 60 + "1f;ä",
        "  spaces at both ends  ",
        "🦊🐧🦆🐢🦉🐝🐙🦔",
        "nothing but small letters",
        "83649173650183654",
        "ПарольНаРусском",
        "秘密の合言葉です",
        "<script>alert(1)</script>",
        "' OR 1=1 --",
        "\\u0000 as text",
    ],
)
def test_a02_a_password_may_be_made_of_anything(client, password):
    assert taken(client, password)


@pytest.mark.parametrize("character", ["x", "é", "語", "🦊"])
def test_a03_a_password_has_72_bytes_at_most(client, character):
    size = len(character.encode())
    fitting = "aB3" + "." * (69 % size) + character * (69 // size)

    assert len(fitting.encode()) == 72
    assert taken(client, fitting)
    assert not taken(client, fitting + "x")


@pytest.mark.parametrize("more", ["x", "x" * 28, "x" * 10_000, "x" * 60_000, "é", "\0", "\0x"])
def test_a04_a05_more_than_the_right_password_is_a_wrong_one(client, more):
    name = register(client, LONGEST).json()["username"]
    other = register(client, LONGEST).json()["username"]

    longer, wrong = (
        client.post("/auth/token", json={"username": name, "password": password})
        for password in (LONGEST + more, "wrong")
    )

    assert longer.status_code == wrong.status_code == 401
    assert longer.content == wrong.content
    assert log_in(client, other, LONGEST)


@pytest.mark.parametrize("length", [71, 72])
def test_a05_two_passwords_that_differ_in_the_last_byte_are_two(client, length):
    one, other = (LONGEST[: length - 1] + end for end in "ab")
    name = register(client, one).json()["username"]

    answer = client.post("/auth/token", json={"username": name, "password": other})

    assert answer.status_code == 401


@pytest.mark.parametrize(
    "password",
    [
        *("password", "PassWord", "12345678", "qwertyuiop", "iloveyou1", "football", "baseball"),
        *("password123", "11111111", "trustno1", "sunshine", "princess", "starwars", "superman"),
        *(
            "Passw0rd!",
            "1iloveyou!!",
            "referral",
            "Referral2030!",
            "aaaaaaaa",
            "abababab",
            "abcdefgh",
        ),
    ],
)
def test_a06_a_password_that_is_often_chosen_is_refused(client, password):
    assert not taken(client, password)


def test_a06_a_password_that_is_the_persons_name_or_address_is_refused(client):
    new = details("somebody-in-particular")

    for password in (new["username"], new["username"].upper(), new["email"], new["email"].upper()):
        answer = client.post("/auth/user", json={**new, "password": password})
        assert answer.status_code == 422


@pytest.mark.parametrize(
    "control", ["\0", "\t", "\n", "\r", "\x1b", "\x7f", "\u0085", "\u009b"], ids=ascii
)
@pytest.mark.parametrize("place", ["{}good pass", "good{}pass", "good pass{}"])
def test_a07_a_control_character_is_refused(client, control, place):
    assert not taken(client, place.format(control))


@pytest.mark.parametrize("half", ["\\ud800", "\\udfff", "\\udc00\\ud800", "\\ud83dx"])
def test_a07_d04_half_a_surrogate_is_malformed(client, half):
    body = json.dumps({**details(), "password": "PLACE"}).replace("PLACE", f"good {half} pass")

    assert client.post("/auth/user", content=body, headers=JSON).status_code == 400


@pytest.mark.parametrize("other", ["\ufffe", "\uffff", "?", "", "\u00ef\u00bf\u00bd"], ids=ascii)
def test_a07_a_character_that_stands_for_broken_ones_stands_for_itself(client, other):
    name = register(client, "good \ufffd pass").json()["username"]

    answer = client.post("/auth/token", json={"username": name, "password": f"good {other} pass"})

    assert answer.status_code == 401
    assert log_in(client, name, "good \ufffd pass")


@pytest.mark.parametrize(
    ("composed", "decomposed"),
    [
        ("pässwörter", "pa\u0308sswo\u0308rter"),
        ("Ångström-Å", "A\u030angstro\u0308m-\u212b"),
        ("한국어비밀번호입니다", "\u1112\u1161\u11ab국어비밀번호입니다"),
    ],
)
def test_a08_a_password_is_one_however_its_accents_are_typed(client, composed, decomposed):
    for chosen, typed in ((composed, decomposed), (decomposed, composed)):
        name = register(client, chosen).json()["username"]
        assert log_in(client, name, typed)


@pytest.mark.parametrize("other", ["ｐässwörter", "PÄSSWÖRTER", "passworter", "pässwörter "])
def test_a08_but_no_other_characters_are_taken_for_one_another(client, other):
    name = register(client, "pässwörter").json()["username"]

    answer = client.post("/auth/token", json={"username": name, "password": other})

    assert answer.status_code == 401


@pytest.mark.parametrize(
    "spelled", ["\u0315\u0300", "\u0344", "a\u0315\u0300", "\ufdfa"], ids=ascii
)
@pytest.mark.parametrize("call", ["register", "log in"])
def test_e12_a_password_of_62_kb_costs_no_more_than_its_bytes(client, call, spelled):
    password = spelled * (62_000 // len(spelled.encode()))
    started = time.perf_counter()

    answer = (
        register(client, password)
        if call == "register"
        else client.post("/auth/token", json={"username": "nobody", "password": password})
    )

    assert answer.status_code == (422 if call == "register" else 401)
    assert time.perf_counter() - started < 1

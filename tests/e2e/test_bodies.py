"""What a body may hold: any bytes at all are read, or refused for what they are."""

import itertools

import pytest

from raw_http import ask

JSON = {"Content-Type": "application/json"}
CALLS = [
    ("POST", "/auth/user", "username"),
    ("POST", "/auth/user/NOSUCHCODE", "email"),
    ("POST", "/auth/token", "grant_type"),
    ("POST", "/auth/revoke", "token"),
    ("POST", "/users/me/password", "new_password"),
    ("DELETE", "/users/me", "password"),
    ("POST", "/codes", "replace_active"),
]
NUMBERS = {
    "the last integer Python reads": "9" * 4300,
    "the first integer Python does not read": "9" * 4301,
    "an integer as long as a body": "9" * 65_000,
    "a negative integer": "-" + "9" * 5000,
    "a fraction": "0." + "1" * 5000,
    "a long number with a fraction": "1" * 5000 + ".5",
    "an exponent": "1e400",
    "a long exponent": "1e" + "9" * 5000,
    "a negative exponent": "1e-" + "9" * 5000,
    "a negative zero": "-0",
    "the first number no float holds": "1.7976931348623159e308",
    "no number": "NaN",
    "infinity": "-Infinity",
}


def assert_refused(answer, statuses=(400,)):
    assert answer.status_code in statuses, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.fixture(params=CALLS, ids=lambda call: " ".join(call[:2]))
def call(request, client, ann):
    """Sends a body to one of the calls that take one; `call.field` is a field of it."""
    method, path, field = request.param

    def send(body):
        return client.request(method, path, content=body[:65_536], headers=JSON | ann.bearer)

    send.field = field
    return send


@pytest.mark.parametrize("number", NUMBERS.values(), ids=NUMBERS)
def test_d07_a_number_of_any_length_is_refused_wherever_it_stands(call, number):
    for body in (
        f'{{"{call.field}": {number}}}',
        f'{{"{call.field}": [{number}]}}',
        f'{{"{call.field}": {{"x": [{number}, {number}]}}}}',
        f"[{number}]",
        number,
    ):
        assert_refused(call(body))


def test_d07_a_number_in_a_field_that_does_not_exist_is_refused_too(call):
    assert_refused(call(f'{{"nothing": {"9" * 5000}}}'), (422,))


@pytest.mark.parametrize("depth", [1_000, 2_000, 16_000, 65_000])
@pytest.mark.parametrize(("opened", "closed"), [("[", "]"), ('{"x":', "}")])
def test_d05_depth_of_any_kind_is_refused_wherever_it_stands(call, depth, opened, closed):
    for deep in (opened * depth, f"{opened * depth}1{closed * depth}"):
        for body in (deep, f'{{"{call.field}": {deep}', f'{{"{call.field}": {deep}}}'):
            assert_refused(call(body))


def test_d13_a_content_type_that_is_given_twice_is_refused(server):
    for kinds in itertools.product([b"application/json", b"text/plain"], repeat=2):
        lines = b"".join(b"Content-Type: %s\r\n" % kind for kind in kinds)

        answer = ask(
            server,
            b"POST /api/v1/auth/user HTTP/1.1\r\nHost: localhost\r\n%sContent-Length: 2\r\n\r\n{}"
            % lines,
        )

        assert_refused(answer, (415,))


@pytest.mark.parametrize("coding", ["gzip", "br", "identity"])
def test_d22_a_body_that_is_compressed_is_not_unpacked(client, coding):
    bomb = b"\x1f\x8b\x08" + b"\0" * 60_000

    answer = client.post("/auth/user", content=bomb, headers=JSON | {"Content-Encoding": coding})

    assert_refused(answer, (415,))


@pytest.mark.parametrize("name", ["", "\\u0000" * 40, "🦊" * 40, "%/~" * 40])
def test_an_answer_stays_small_however_many_fields_do_not_exist(client, name):
    fields = [f'"{n}{name}": 1' for n in range(60_000 // (len(name.encode()) + 12))]
    body = f"{{{', '.join(fields)}}}"

    answer = client.post("/auth/user", content=body.encode(), headers=JSON)
    assert_refused(answer, (422,))
    assert len(answer.content) < 8192
    missing = ["#/username", "#/email", "#/password"]
    pointers = [error["pointer"] for error in answer.json()["errors"]]
    assert pointers[:3] == missing
    assert len(pointers) == 3 + 20 + 1
    assert pointers[-1] == "#"
    assert answer.json()["errors"][-1]["detail"] == (
        f"There are no such fields: {len(fields) - 20} more."
    )


def test_a_form_of_very_many_parameters_is_refused(client):
    answer = client.post(
        "/auth/token",
        content="&".join(f"p{n}=1" for n in range(8_000)),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )

    assert_refused(answer)
    assert answer.json()["detail"] == "The form is not valid."  # not that it lacks a parameter


@pytest.mark.parametrize("way", ["json", "data"])
def test_a18_an_empty_grant_type_is_no_grant_type(client, ann, way):
    body = {"grant_type": "", "username": ann.username, "password": "Q123werty!23"}

    answer = client.post("/auth/token", **{way: body})

    assert_refused(answer)
    assert answer.json()["type"] == "/problems/unsupported-grant-type"
    assert answer.json()["error"] == "unsupported_grant_type"

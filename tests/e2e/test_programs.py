"""A program from its draft to its end, over HTTP."""

import pytest

from databases import query
from operators import make_administrator
from people import FAR, Person, join, log_in
from referral.domain.programs.terms import Terms
from referral.entrypoints.http.openapi.terms import EXAMPLE
from servers import running


@pytest.fixture(scope="module")
def name_of_administrator(module_database_url):
    return make_administrator(module_database_url)["username"]


@pytest.fixture(scope="module")
def server(module_database_url, name_of_administrator, tmp_path_factory):
    """One with two workers, which know the administrator from the beginning."""
    with running(tmp_path_factory.mktemp("server"), module_database_url, workers=2) as server:
        yield server


@pytest.fixture
def administrator(client, name_of_administrator):
    return Person(client, "", name_of_administrator, "", log_in(client, name_of_administrator))


@pytest.fixture
def patch(client, administrator):
    return lambda program, /, **body: client.patch(
        f"/programs/{program}", json=body, headers=administrator.bearer
    )


@pytest.fixture
def program(administrator, patch):
    """Make an active program with these terms."""

    def program(slug, **terms):
        answer = administrator.post("/programs", {"slug": slug, "name": slug, "terms": terms})
        assert answer.status_code == 201, answer.text
        assert patch(slug, status="active").status_code == 200
        return answer.json()

    return program


def status_of(client, code):
    return client.get(f"/codes/{code}/status").json()["is_active"]


def referral_of(server, person):
    [row] = query(
        server.database_url,
        "SELECT slug, referrals.terms_version, referrals.status, qualified_at IS NULL FROM referrals"
        f" JOIN programs ON programs.id = program_id WHERE referee_id = '{person['id']}'",
    )
    return row


def test_a_program_is_drafted_made_active_and_given_new_terms_and_each_referral_keeps_its_own(
    server, client, administrator, patch, ann
):
    drafted = administrator.post(
        "/programs",
        {
            "slug": "summer",
            "name": "Summer of friends",
            "terms": EXAMPLE,
            "landing_url": "https://shop.example.org/friends",
        },
    )
    assert drafted.status_code == 201
    assert drafted.json() | {"created_at": "", "terms": {}} == {
        "slug": "summer",
        "name": "Summer of friends",
        "status": "draft",
        "starts_at": None,
        "ends_at": None,
        "landing_url": "https://shop.example.org/friends",
        "terms_version": 1,
        "created_at": "",
        "terms": {},
    }
    assert drafted.json()["terms"] == Terms.parse(EXAMPLE).plain()
    refused = ann.issue(program="summer")
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/program-not-open")

    assert patch("summer", status="active").json()["status"] == "active"
    first = ann.issue(program="summer").json()
    assert (first["program"], first["max_uses"], first["uses"]) == ("summer", None, 0)
    bob = client.post("/auth/user", json=_someone(first["code"])).json()

    terms = administrator.post("/programs/summer/terms", {"code": {"max_uses": 1}})
    assert (terms.status_code, terms.json()["version"]) == (201, 2)
    second = ann.issue(program="summer", replace_active=True).json()
    assert second["max_uses"] == 1
    carl = client.post("/auth/user", json=_someone(second["code"])).json()
    assert not status_of(client, second["code"])
    too_many = client.post("/auth/user", json=_someone(second["code"]))
    assert (too_many.status_code, too_many.json()["type"]) == (404, "/problems/code-not-usable")

    assert referral_of(server, bob) == ("summer", 1, "signed_up", True)
    assert referral_of(server, carl) == ("summer", 2, "qualified", False)
    shown = administrator.get("/programs/summer").json()
    assert (shown["terms_version"], shown["terms"]["code"]["max_uses"]) == (2, 1)
    old = administrator.get("/programs/summer/terms/1").json()
    assert (old["version"], old["terms"]) == (1, Terms.parse(EXAMPLE).plain())
    assert administrator.get("/programs/summer/terms/3").status_code == 404
    assert [p["slug"] for p in administrator.get("/programs").json()["items"]][-1] == "default"


def _someone(code):
    from people import details

    return {**details(), "code": code}


@pytest.mark.parametrize("status", ["paused", "ended"])
def test_a_program_that_stops_takes_nobody_in(client, ann, program, patch, status):
    program(f"till-{status}")
    code = ann.new_code(program=f"till-{status}")
    assert status_of(client, code)

    assert patch(f"till-{status}", status=status).json()["status"] == status

    assert not status_of(client, code)
    assert client.post("/auth/user", json=_someone(code)).status_code == 404
    assert ann.issue(program=f"till-{status}", replace_active=True).status_code == 409


def test_a_program_takes_people_between_its_dates(client, ann, program, patch):
    program("dated")
    code = ann.new_code(program="dated")

    assert patch("dated", ends_at="2020-01-01 00:00").json()["ends_at"] == "2020-01-01T00:00:00Z"
    assert not status_of(client, code)
    assert patch("dated", ends_at=None, starts_at=FAR).json()["ends_at"] is None
    assert not status_of(client, code)
    patch("dated", starts_at=None)
    assert status_of(client, code)


def test_what_cannot_be_is_told(administrator, patch, program):
    program("strict")
    again = administrator.post("/programs", {"slug": "strict", "name": "Strict", "terms": {}})

    assert (again.status_code, again.json()["type"]) == (409, "/problems/slug-taken")
    back = patch("strict", status="draft")
    assert (back.status_code, back.json()["type"]) == (409, "/problems/status-not-reachable")
    assert patch("nothing", name="Nothing").json()["type"] == "/problems/program-not-found"
    ends_first = patch("strict", starts_at=FAR, ends_at=FAR)
    assert [e["pointer"] for e in ends_first.json()["errors"]] == ["#/ends_at"]
    wrong = patch("strict", name="", status="open", starts_at="soon", landing_url="here", slug="x")
    assert wrong.status_code == 422
    assert {e["pointer"] for e in wrong.json()["errors"]} == {
        *("#/name", "#/status", "#/starts_at"),
        *("#/landing_url", "#/slug"),
    }
    assert patch("default", status="ended").status_code == 409


def test_the_terms_decide_which_codes_there_are(ann, program):
    program("strict-codes", code={"own_text": False, "max_lifetime_days": 30})

    refused = ann.issue(program="strict-codes", code="SPRING-2030")

    assert refused.status_code == 422
    assert {e["pointer"] for e in refused.json()["errors"]} == {"#/code", "#/expires_at"}


def test_the_same_idempotency_key_drafts_one_program(client, administrator):
    headers = {**administrator.bearer, "Idempotency-Key": "draft-once"}
    body = {"slug": "once", "name": "Once", "terms": {}}

    first, again = (client.post("/programs", json=body, headers=headers) for _ in range(2))

    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    assert again.headers["Idempotency-Replayed"] == "true"


def test_a_code_of_no_program_is_as_it_always_was(client, ann):
    code = ann.issue().json()

    assert code.keys() == {"id", "user_id", "code", "expires_at", "is_active"}
    join(client, code["code"])
    assert ann.get("/codes").json()["items"] == [code]

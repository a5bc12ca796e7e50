"""Listing referrals."""

from uuid import UUID, uuid4

import pytest

from people import register


@pytest.fixture
def referrer(client, ann):
    """Someone who brought seven people; `referees` are their ids, the newest first."""
    code = ann.new_code()
    ann.referees = [register(client, code)["id"] for _ in range(7)][::-1]
    return ann


def ids(page):
    return [item["id"] for item in page["items"]]


def test_a_page_holds_its_part_of_the_list_and_the_total(referrer):
    pages = [
        referrer.get(f"/users/{referrer.id}/referrals", params={"page": page, "size": 3}).json()
        for page in (1, 2, 3, 4)
    ]

    assert [ids(page) for page in pages] == [
        referrer.referees[:3],
        referrer.referees[3:6],
        referrer.referees[6:],
        [],
    ]
    assert {(page["total"], page["size"], page["pages"]) for page in pages} == {(7, 3, 3)}
    assert [page["page"] for page in pages] == [1, 2, 3, 4]


def test_a_list_is_walked_by_cursor_while_new_people_come(client, referrer):
    seen, cursor = [], {}
    while True:
        page = referrer.get(f"/users/{referrer.id}", params={"size": 2, **cursor}).json()
        seen += ids(page)
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
        register(client, referrer.get("/codes").json()["items"][0]["code"])

    assert seen == referrer.referees


@pytest.mark.parametrize("spelled", [str, lambda i: UUID(i).hex, lambda i: i.upper()])
@pytest.mark.parametrize("end", ["", "/", "/referrals", "/referrals/"])
def test_an_id_is_taken_with_and_without_dashes_and_the_path_with_a_slash(ann, spelled, end):
    answer = ann.get(f"/users/{spelled(ann.id)}{end}")

    assert answer.status_code == 200
    assert answer.json() == {
        "items": [],
        "total": 0,
        "page": 1,
        "size": 50,
        "pages": 0,
        "next_cursor": None,
    }


@pytest.mark.parametrize("whose", ["another's", "nobody's"])
def test_c01_other_peoples_referrals_are_forbidden_whoever_they_are(ann, bob, whose):
    user_id = bob.id if whose == "another's" else uuid4()

    answer = ann.get(f"/users/{user_id}/referrals")

    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/not-your-referrals")


@pytest.mark.parametrize(
    "query",
    [
        "page=0", "page=-1", "page=1.5", "page=", "page=x", "page=9999999999", f"page={'9' * 5000}",
        "size=0", "size=101", "size=%00", "cursor=", "cursor=AAAAAAAAAAA", "cursor=%FF", f"cursor={'B' * 15}",
        "page=1&cursor=AAAAAAAAAAI",
    ],
)  # fmt: skip
def test_d09_a_page_that_cannot_be_is_refused(ann, query):
    answer = ann.get(f"/users/{ann.id}?{query}")

    assert answer.status_code == 422
    assert answer.json()["errors"]


def test_d10_a_repeated_parameter_is_refused_and_an_unknown_one_ignored(ann):
    repeated = ann.get(f"/users/{ann.id}?size=1&size=2")
    unknown = ann.get(f"/users/{ann.id}?sort=name&size[]=3")

    assert repeated.status_code == 400
    assert unknown.status_code == 200

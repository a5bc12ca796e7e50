import pytest

from referral.application.pages import MAX_POSITION, ListRequest, Page, PageRequest
from referral.domain.errors import InvalidInput


def test_a_page_is_the_first_of_50_unless_asked_otherwise():
    assert PageRequest.of() == PageRequest(page=1, size=50, cursor=None)


@pytest.mark.parametrize(("page", "size"), [(1, 1), (1, 100), (2**31 - 1, 100)])
def test_pages_count_from_1_and_sizes_go_to_100(page, size):
    assert PageRequest.of(page=page, size=size).offset == (page - 1) * size


@pytest.mark.parametrize("page", [0, -1, 2**31])
def test_an_impossible_page_is_refused(page):
    with pytest.raises(
        InvalidInput, match=r"^A page is a whole number from 1 to 2147483647\.$"
    ) as refused:
        PageRequest.of(page=page)

    assert [v.field for v in refused.value.violations] == ["page"]


@pytest.mark.parametrize("size", [0, -1, 101])
def test_an_impossible_size_is_refused(size):
    with pytest.raises(
        InvalidInput, match=r"^A size is a whole number from 1 to 100\.$"
    ) as refused:
        PageRequest.of(size=size)

    assert [v.field for v in refused.value.violations] == ["size"]


@pytest.mark.parametrize("cursor", [1, 2**63 - 1])
def test_a_cursor_is_a_number_of_64_bits(cursor):
    assert PageRequest.of(cursor=cursor).cursor == cursor


@pytest.mark.parametrize("cursor", [0, -1, 2**63])
def test_d09_a_cursor_that_no_page_ever_gave_is_refused(cursor):
    with pytest.raises(
        InvalidInput, match=r"^A cursor is the `next_cursor` of an earlier page\.$"
    ) as refused:
        PageRequest.of(cursor=cursor)

    assert [v.field for v in refused.value.violations] == ["cursor"]


def test_an_impossible_page_and_size_are_told_at_once():
    with pytest.raises(InvalidInput) as refused:
        PageRequest.of(page=0, size=0)

    assert [v.field for v in refused.value.violations] == ["page", "size"]


@pytest.mark.parametrize(("total", "pages"), [(0, 0), (1, 1), (50, 1), (51, 2), (10**6, 20_000)])
def test_a_list_has_as_many_pages_as_it_fills(total, pages):
    assert Page([], total, page=1, size=50).pages == pages


@pytest.mark.parametrize(("limit", "cursor"), [(1, None), (100, 1), (50, MAX_POSITION)])
def test_a_list_goes_on_from_any_position_by_1_to_100(limit, cursor):
    assert ListRequest.of(limit=limit, cursor=cursor) == ListRequest(limit, cursor)


@pytest.mark.parametrize(("limit", "cursor"), [(0, 0), (101, MAX_POSITION + 1)])
def test_an_impossible_limit_and_position_are_told_at_once(limit, cursor):
    with pytest.raises(InvalidInput) as refused:
        ListRequest.of(limit=limit, cursor=cursor)

    assert [(v.field, v.detail) for v in refused.value.violations] == [
        ("limit", "A limit is a whole number from 1 to 100."),
        ("cursor", "A cursor is the `next_cursor` of an earlier page."),
    ]

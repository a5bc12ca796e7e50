import asyncio
from datetime import timedelta

import pytest

from concurrency import outcomes_of
from examples import NOW, a_new_code, a_referral, a_user, an_id
from referral.application.pages import MAX_CURSOR, PageRequest
from referral.application.programs.ports import Referee


@pytest.fixture
async def code(codes, ann):
    return await codes.add(a_new_code(ann))


@pytest.fixture
def bring(users, referrals, code):
    """Store people called user<n>, each brought by Ann in the nth minute."""

    async def bring(*numbers):
        for n in numbers:
            user = a_user(f"user{n}", number=100 + n, created_at=NOW + timedelta(minutes=n))
            await users.add(user)
            await referrals.add(referral(n, code))

    return bring


def referral(n, code):
    return a_referral(an_id(100 + n), code, created_at=NOW + timedelta(minutes=n))


def names(page):
    return [referee.username for referee in page.items]


async def test_a_referee_is_listed_with_name_address_and_time(referrals, bring, ann):
    await bring(1)

    page = await referrals.page_of(ann.id, PageRequest())

    assert [*page.items] == [
        Referee(an_id(101), "user1@example.org", "user1", NOW + timedelta(minutes=1))
    ]


async def test_pages_are_filled_newest_first(referrals, bring, ann):
    await bring(1, 2, 3, 4, 5)

    pages = [await referrals.page_of(ann.id, PageRequest(page=n, size=2)) for n in (1, 2, 3)]

    assert [names(page) for page in pages] == [["user5", "user4"], ["user3", "user2"], ["user1"]]
    for number, page in enumerate(pages, 1):
        assert (page.total, page.page, page.size, page.pages) == (5, number, 2, 3)


async def test_who_brought_nobody_has_an_empty_page(referrals, ann):
    page = await referrals.page_of(ann.id, PageRequest())

    assert ([*page.items], page.total, page.page, page.size, page.pages) == ([], 0, 1, 50, 0)
    assert page.next_cursor is None


async def test_who_does_not_exist_has_an_empty_page(referrals):
    page = await referrals.page_of(an_id(404), PageRequest())

    assert ([*page.items], page.total) == ([], 0)


@pytest.mark.parametrize("page", [2, 2**31 - 1])
async def test_a_page_past_the_end_is_empty(referrals, bring, ann, page):
    await bring(1, 2)

    past = await referrals.page_of(ann.id, PageRequest(page=page, size=2))

    assert ([*past.items], past.total, past.page, past.pages) == ([], 2, page, 1)
    assert past.next_cursor is None


async def test_a_walk_by_cursor_meets_everyone_once_and_ends(referrals, bring, ann):
    await bring(1, 2, 3, 4, 5)
    walked, cursor, pages = [], None, []

    while pages == [] or cursor is not None:
        page = await referrals.page_of(ann.id, PageRequest(size=2, cursor=cursor))
        walked += names(page)
        pages.append(page.page)
        cursor = page.next_cursor

    assert walked == ["user5", "user4", "user3", "user2", "user1"]
    assert pages == [1, 2, 3]


async def test_a_page_that_ends_with_the_first_referee_is_the_last(referrals, bring, ann):
    await bring(1, 2, 3, 4)
    first = await referrals.page_of(ann.id, PageRequest(size=2))

    last = await referrals.page_of(ann.id, PageRequest(size=2, cursor=first.next_cursor))

    assert names(last) == ["user2", "user1"]
    assert last.next_cursor is None


async def test_who_signs_up_during_a_walk_moves_nobody(referrals, bring, ann):
    await bring(1, 2, 3)
    first = await referrals.page_of(ann.id, PageRequest(size=2))
    await bring(4)

    rest = await referrals.page_of(ann.id, PageRequest(size=2, cursor=first.next_cursor))

    assert names(first) + names(rest) == ["user3", "user2", "user1"]
    assert rest.total == 4


@pytest.mark.parametrize("cursor", [1, 6, MAX_CURSOR])
async def test_d09_a_forged_cursor_shows_an_empty_page(referrals, bring, ann, cursor):
    await bring(1, 2, 3)

    page = await referrals.page_of(ann.id, PageRequest(size=2, cursor=cursor))

    assert ([*page.items], page.total, page.size, page.pages) == ([], 3, 2, 2)
    assert page.next_cursor is None


async def test_everyone_sees_whom_they_brought_themselves(referrals, users, bring, ann):
    await bring(1)
    bob = a_user("bob", number=2)
    await users.add(bob)

    assert (await referrals.page_of(bob.id, PageRequest())).total == 0


async def test_an_erased_referee_stays_without_a_name(referrals, users, bring, ann):
    await bring(1, 2)

    await users.erase((await users.by_id(an_id(101))).erased(NOW))

    page = await referrals.page_of(ann.id, PageRequest())
    assert page.total == 2
    assert page.items[1] == Referee(an_id(101), None, None, NOW + timedelta(minutes=1))


async def test_of_twenty_brought_at_once_everyone_is_counted(referrals, users, code, ann):
    for n in range(20):
        await users.add(a_user(f"user{n}", number=100 + n))

    outcomes = await outcomes_of(referrals.add(referral(n, code)) for n in range(20))

    page = await referrals.page_of(ann.id, PageRequest(size=100))
    assert outcomes == {"done": 20}
    assert page.total == len({referee.id for referee in page.items}) == 20
    assert page.next_cursor is None


async def test_a_page_shows_as_many_as_it_counts_while_people_sign_up(referrals, users, code, ann):
    for n in range(20):
        await users.add(a_user(f"user{n}", number=100 + n))

    async def look():
        page = await referrals.page_of(ann.id, PageRequest(size=100))
        return page.total == len(page.items)

    *_, consistent = await asyncio.gather(
        *(referrals.add(referral(n, code)) for n in range(20)),
        asyncio.gather(*(look() for _ in range(20))),
    )

    assert all(consistent)

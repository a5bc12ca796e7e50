import pytest

from examples import in_a_week
from referral.domain.errors import InvalidInput


@pytest.fixture
async def bring(sign_up, issue_code, owner, clock):
    """Sign up these people with the owner's code, one after another."""
    code = await issue_code(owner_id=owner.id, expires_at=in_a_week(clock))

    async def bring(*names):
        for name in names:
            clock.advance(minutes=1)
            await sign_up(name, code=code.text.value)

    return bring


def names(page):
    return [referee.username for referee in page.items]


async def test_a_referrer_sees_whom_they_brought_newest_first(list_referrals, bring, owner, clock):
    await bring("bob", "cyd", "dan")

    page = await list_referrals(referrer_id=owner.id)

    assert names(page) == ["dan", "cyd", "bob"]
    assert page.items[0].email == "dan@example.org"
    assert page.items[0].created_at == clock.now()
    assert (page.total, page.page, page.size, page.pages) == (3, 1, 50, 1)
    assert page.next_cursor is None


async def test_who_brought_nobody_sees_an_empty_page(list_referrals, owner):
    page = await list_referrals(referrer_id=owner.id)

    assert ([*page.items], page.total, page.pages) == ([], 0, 0)


async def test_walking_by_cursor_neither_repeats_nor_skips_anyone(list_referrals, bring, owner):
    await bring("bob", "cyd", "dan", "eve", "fay")
    first = await list_referrals(referrer_id=owner.id, size=2)
    await bring("gus")

    second = await list_referrals(referrer_id=owner.id, size=2, cursor=first.next_cursor)
    third = await list_referrals(referrer_id=owner.id, size=2, cursor=second.next_cursor)

    assert names(first) + names(second) + names(third) == ["fay", "eve", "dan", "cyd", "bob"]
    assert third.next_cursor is None


@pytest.mark.parametrize("page", [{"page": 0}, {"size": 0}, {"size": 101}])
async def test_an_impossible_page_is_refused(list_referrals, owner, page):
    with pytest.raises(InvalidInput):
        await list_referrals(referrer_id=owner.id, **page)

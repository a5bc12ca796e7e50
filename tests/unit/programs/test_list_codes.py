import pytest

from examples import in_a_week
from referral.domain.errors import InvalidInput


async def test_one_sees_ones_own_codes_oldest_first_expired_ones_too(
    list_codes, issue_code, sign_up, owner, clock
):
    bob = await sign_up("bob")
    await issue_code(owner_id=bob.id, expires_at=in_a_week(clock))
    first = await issue_code(owner_id=owner.id, expires_at=in_a_week(clock))
    clock.advance(weeks=1)
    second = await issue_code(owner_id=owner.id, expires_at=in_a_week(clock))

    page = await list_codes(owner_id=owner.id)

    assert [*page.items] == [first, second]
    assert [code.is_active(clock.now()) for code in page.items] == [False, True]
    assert (page.total, page.page, page.size, page.pages) == (2, 1, 50, 1)


async def test_retired_codes_are_not_listed(list_codes, issue_code, owner, clock):
    for _ in range(3):
        code = await issue_code(owner_id=owner.id, expires_at=in_a_week(clock), replace_active=True)

    page = await list_codes(owner_id=owner.id)

    assert ([*page.items], page.total) == ([code], 1)


async def test_a_page_past_the_end_is_empty(list_codes, issue_code, owner, clock):
    await issue_code(owner_id=owner.id, expires_at=in_a_week(clock))

    page = await list_codes(owner_id=owner.id, page=2, size=10)

    assert ([*page.items], page.total, page.page, page.size, page.pages) == ([], 1, 2, 10, 1)


async def test_an_impossible_page_is_refused(list_codes, owner):
    with pytest.raises(InvalidInput):
        await list_codes(owner_id=owner.id, page=0)

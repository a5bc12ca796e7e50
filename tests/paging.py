"""Two ways through a list."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from referral.application.pages import Page

T = TypeVar("T")


async def paged(page_of: Callable[..., Awaitable[Page[T]]], size: int) -> list[T]:
    """Every item, page after page, until after the last; each page has to say the same of the list."""
    first = await page_of(page=1, size=size)
    items: list[T] = []
    for number in range(1, first.pages + 2):
        page = await page_of(page=number, size=size)
        assert (page.total, page.page, page.size) == (first.total, number, size)
        items += page.items
    assert not page.items
    assert len(items) == first.total
    return items


async def walked(page_of: Callable[..., Awaitable[Page[T]]], size: int) -> list[T]:
    """Every item, from cursor to cursor."""
    page = await page_of(page=1, size=size)
    items = [*page.items]
    while page.next_cursor is not None:
        assert len(page.items) == size
        page = await page_of(size=size, cursor=page.next_cursor)
        items += page.items
    return items

"""Lists, a page at a time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Self, TypeVar
from uuid import UUID

from referral.domain.errors import Checks, InvalidInput

DEFAULT_SIZE = 50
MAX_SIZE = 100
MAX_PAGE = 2**31 - 1
MAX_CURSOR = 2**63 - 1
MAX_POSITION = 2**128 - 1  # of a list whose items are known by a UUID; by a number there are fewer

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which part of a list: a page counted from 1, or, with `cursor`, what follows an earlier page."""

    page: int = 1
    size: int = DEFAULT_SIZE
    cursor: int | None = None

    @classmethod
    def of(cls, *, page: int = 1, size: int = DEFAULT_SIZE, cursor: int | None = None) -> Self:
        """Raise InvalidInput unless `page` and `cursor` are 1 or more and `size` is 1 to 100."""
        checks = Checks()
        with checks.of("page"):
            if not 1 <= page <= MAX_PAGE:
                raise InvalidInput(f"A page is a whole number from 1 to {MAX_PAGE}.")
        with checks.of("size"):
            if not 1 <= size <= MAX_SIZE:
                raise InvalidInput(f"A size is a whole number from 1 to {MAX_SIZE}.")
        with checks.of("cursor"):
            if cursor is not None and not 1 <= cursor <= MAX_CURSOR:
                raise InvalidInput("A cursor is the `next_cursor` of an earlier page.")
        checks.done()
        return cls(page, size, cursor)

    @property
    def offset(self) -> int:
        return (self.page - 1) * self.size


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some items of a list of `total`, and where the next ones are: None at the end of the list."""

    items: Sequence[T]
    total: int
    page: int
    size: int
    next_cursor: int | None = None

    @property
    def pages(self) -> int:
        return -(-self.total // self.size)


@dataclass(frozen=True, slots=True)
class ListRequest:
    """Which part of a list that is walked by cursor: at most `limit` items after the one at this position."""

    limit: int = DEFAULT_SIZE
    cursor: int | None = None

    @property
    def after_id(self) -> UUID | None:
        """The position, in a list whose items are known by a UUID."""
        return None if self.cursor is None else UUID(int=self.cursor)

    @property
    def after_number(self) -> int | None:
        """The position, in a list whose items are known by a number."""
        return None if self.cursor is None else min(self.cursor, MAX_CURSOR)

    @classmethod
    def of(cls, *, limit: int = DEFAULT_SIZE, cursor: int | None = None) -> Self:
        """Raise InvalidInput unless `limit` is 1 to 100 and `cursor` a position."""
        checks = Checks()
        with checks.of("limit"):
            if not 1 <= limit <= MAX_SIZE:
                raise InvalidInput(f"A limit is a whole number from 1 to {MAX_SIZE}.")
        with checks.of("cursor"):
            if cursor is not None and not 1 <= cursor <= MAX_POSITION:
                raise InvalidInput("A cursor is the `next_cursor` of an earlier page.")
        checks.done()
        return cls(limit, cursor)


@dataclass(frozen=True, slots=True)
class ListPage(Generic[T]):
    """Some items of a list, and where the next ones are: None at the end of the list."""

    items: Sequence[T]
    next_cursor: int | None = None

    @classmethod
    def of(
        cls, found: Sequence[T], request: ListRequest, position: Callable[[T], int]
    ) -> "ListPage[T]":
        """The page, of what was found with a limit one higher than was asked for."""
        if len(found) <= request.limit:
            return cls(found)
        items = found[: request.limit]
        return cls(items, position(items[-1]))

"""Pages of a list: what the query string asks for, and what the answer holds."""

import base64
import re
from collections.abc import Callable
from typing import Annotated, Any, Generic, Self, TypeVar
from urllib.parse import parse_qsl

import msgspec
from litestar import Request
from litestar.openapi.spec import Parameter, Schema
from litestar.openapi.spec.enums import OpenAPIType
from msgspec import Meta

from referral.application.pages import DEFAULT_SIZE, MAX_PAGE, MAX_SIZE, ListPage, Page
from referral.domain.errors import Checks, InvalidInput, Violation
from referral.entrypoints.http.problems.types import MalformedRequest

_CURSOR_BYTES = 8
_POSITION_BYTES = 16
_NEXT = "`cursor` of the next page; null at the end of the list"

S = TypeVar("S")
T = TypeVar("T")

Count = Annotated[int, Meta(ge=0)]


class PageBody(msgspec.Struct, Generic[T], kw_only=True):
    """A page of a list."""

    items: list[T]
    total: Count
    page: Count
    size: Count
    pages: Count

    @classmethod
    def of(cls, page: Page[S], shown: Callable[[S], T], **more: Any) -> Self:
        return cls(
            items=[shown(item) for item in page.items],
            total=page.total,
            page=page.page,
            size=page.size,
            pages=page.pages,
            **more,
        )


class CursorPageBody(PageBody[T], Generic[T], kw_only=True):
    """A page of a list that can also be walked by cursor."""

    next_cursor: Annotated[str | None, Meta(description=_NEXT)]

    @classmethod
    def of(cls, page: Page[S], shown: Callable[[S], T], **more: Any) -> Self:
        return super().of(page, shown, next_cursor=to_cursor(page.next_cursor), **more)


class ListBody(msgspec.Struct, Generic[T], kw_only=True):
    """A page of a list that is walked by cursor."""

    items: list[T]
    next_cursor: Annotated[str | None, Meta(description=_NEXT)]

    @classmethod
    def of(cls, page: ListPage[S], shown: Callable[[S], T]) -> Self:
        return cls(
            items=[shown(item) for item in page.items],
            next_cursor=position_cursor(page.next_cursor),
        )


def page_query(request: Request[Any, Any, Any], *, cursors: bool = False) -> dict[str, int]:
    """The `page`, `size` and, where the list takes them, `cursor` that the query string asks for.

    Raises MalformedRequest for one that is repeated and InvalidInput for one that cannot be.
    """
    names = {"page", "size", "cursor"} if cursors else {"page", "size"}
    query = _numbers(_given(request, names), _CURSOR_BYTES)
    if {"page", "cursor"} <= query.keys():
        raise InvalidInput(Violation("Ask for a page or by cursor, not both.", "cursor"))
    return query


def list_query(request: Request[Any, Any, Any]) -> dict[str, Any]:
    """The `limit` and `cursor` that the query string asks for; raises as `page_query` does."""
    return {**_numbers(_given(request, {"limit", "cursor"}), _POSITION_BYTES)}


def text_query(request: Request[Any, Any, Any], *names: str) -> dict[str, Any]:
    """The values of these parameters that the query string gives; raises as `page_query` does."""
    return _given(request, set(names))


def _given(request: Request[Any, Any, Any], names: set[str]) -> dict[str, str]:
    if not request.scope["query_string"]:
        return {}
    try:
        pairs = parse_qsl(request.scope["query_string"].decode("ascii"), keep_blank_values=True)
    except ValueError:
        raise MalformedRequest("The query string cannot be read.") from None
    given: dict[str, str] = {}
    for name, value in pairs:
        if name in given:
            raise MalformedRequest(
                "The query string repeats a parameter.", Violation("It is repeated.", name)
            )
        if name in names:
            given[name] = value
    return given


def _numbers(given: dict[str, str], cursor_bytes: int) -> dict[str, int]:
    checks = Checks()
    query = {}
    for name, value in given.items():
        with checks.of(name):
            query[name] = (
                _from_cursor(value, cursor_bytes) if name == "cursor" else _whole_number(value)
            )
    checks.done()
    return query


def _whole_number(text: str) -> int:
    if not re.fullmatch(r"-?[0-9]{1,18}", text):
        raise InvalidInput("This is not a whole number.")
    return int(text)


def to_cursor(position: int | None, size: int = _CURSOR_BYTES) -> str | None:
    """An opaque word for where the next page starts; None where there is none."""
    if position is None:
        return None
    return base64.urlsafe_b64encode(position.to_bytes(size)).decode().rstrip("=")


def position_cursor(position: int | None) -> str | None:
    """As `to_cursor`, of a position in a list that is walked by cursor."""
    return to_cursor(position, _POSITION_BYTES)


def position_of(cursor: str) -> int:
    """The position that such a cursor stands for; raise InvalidInput."""
    return _numbers({"cursor": cursor}, _POSITION_BYTES)["cursor"]


def _from_cursor(text: str, size: int) -> int:
    try:
        position = int.from_bytes(base64.urlsafe_b64decode(text + "=="), signed=True)
        genuine = position > 0 and to_cursor(position, size) == text
    except (ValueError, OverflowError):
        genuine = False
    if not genuine:
        raise InvalidInput("This is not a `next_cursor` of an earlier page.")
    return position


def parameter(name: str, description: str, schema: Schema) -> Parameter:
    return Parameter(name=name, param_in="query", description=description, schema=schema)


PAGE_PARAMETERS = [
    parameter(
        "page",
        "which page, counted from 1",
        Schema(type=OpenAPIType.INTEGER, minimum=1, maximum=MAX_PAGE, default=1),
    ),
    parameter(
        "size",
        "how many items a page has",
        Schema(type=OpenAPIType.INTEGER, minimum=1, maximum=MAX_SIZE, default=DEFAULT_SIZE),
    ),
]
LIST_PARAMETERS = [
    parameter(
        "limit",
        "how many items a page has at most",
        Schema(type=OpenAPIType.INTEGER, minimum=1, maximum=MAX_SIZE, default=DEFAULT_SIZE),
    ),
    parameter(
        "cursor",
        "an earlier page's `next_cursor`: what follows that page",
        Schema(type=OpenAPIType.STRING, pattern="^[A-Za-z0-9_-]{22}$"),
    ),
]
CURSOR_PARAMETER = parameter(
    "cursor",
    "an earlier page's `next_cursor`: what follows that page, instead of `page`",
    Schema(type=OpenAPIType.STRING, pattern="^[A-Za-z0-9_-]{11}$"),
)

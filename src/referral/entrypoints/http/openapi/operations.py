"""Who may call an operation, and what those that answer with lists take."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from litestar.openapi.spec import Operation, Schema
from litestar.openapi.spec.enums import OpenAPIType

from referral.entrypoints.http.request.paging import (
    CURSOR_PARAMETER,
    LIST_PARAMETERS,
    PAGE_PARAMETERS,
    parameter,
)

# A person, or a server with an API key.
CALLER: list[dict[str, list[str]]] = [{"key": []}, {"bearer": []}, {"password": []}]
BEARER: list[dict[str, list[str]]] = [{"bearer": []}, {"password": []}]


@dataclass
class PagedOperation(Operation):
    """An operation that answers with a page of a list."""

    def __post_init__(self) -> None:
        self.parameters = [*(self.parameters or []), *PAGE_PARAMETERS]


@dataclass
class CursorOperation(PagedOperation):
    """An operation that answers with a page of a list that can also be walked by cursor."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.parameters = [*(self.parameters or []), CURSOR_PARAMETER]


@dataclass
class ListOperation(Operation):
    """An operation that answers with a page of a list that is walked by cursor."""

    def __post_init__(self) -> None:
        self.parameters = [*(self.parameters or []), *LIST_PARAMETERS]


def filtered_list(filters: Mapping[str, str], statuses: type[StrEnum]) -> type[ListOperation]:
    """An operation that answers with a page of those that are asked for; `filters` are described by name."""

    @dataclass
    class FilteredOperation(ListOperation):
        def __post_init__(self) -> None:
            super().__post_init__()
            self.parameters = [
                *(self.parameters or []),
                *(
                    parameter(
                        name,
                        description,
                        Schema(
                            type=OpenAPIType.STRING,
                            enum=[*statuses] if name == "status" else None,
                        ),
                    )
                    for name, description in filters.items()
                ),
            ]

    return FilteredOperation

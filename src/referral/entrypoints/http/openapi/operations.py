"""Who may call an operation, and what it takes."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from litestar.openapi.spec import Operation, Parameter, RequestBody, Schema
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
class BodyIsOptional(Operation):
    """An operation that can be called without a body."""

    def __post_init__(self) -> None:
        if isinstance(self.request_body, RequestBody):
            self.request_body.required = False


def taking(*more: Parameter) -> type[Operation]:
    """An operation that takes these parameters of the query string too."""

    @dataclass
    class Taking(Operation):
        def __post_init__(self) -> None:
            self.parameters = [*(self.parameters or []), *more]

    return Taking


# What answers with a page of a list: by number, by number or cursor, by cursor.
PagedOperation = taking(*PAGE_PARAMETERS)
CursorOperation = taking(*PAGE_PARAMETERS, CURSOR_PARAMETER)
ListOperation = taking(*LIST_PARAMETERS)


def filtered_list(filters: Mapping[str, str], statuses: type[StrEnum]) -> type[Operation]:
    """An operation that answers with a page of those that are asked for; `filters` are described by name."""
    return taking(
        *LIST_PARAMETERS,
        *(
            parameter(
                name,
                description,
                Schema(type=OpenAPIType.STRING, enum=[*statuses] if name == "status" else None),
            )
            for name, description in filters.items()
        ),
    )

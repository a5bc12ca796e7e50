from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import bindparam, func
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.sql.selectable import TableValuedAlias
from sqlalchemy.types import TypeEngine


def unnested(name: str, columns: Mapping[str, TypeEngine[Any]]) -> TableValuedAlias:
    """Rows that are given as one list for each column, so that a statement takes any number of them."""
    lists = (bindparam(f"{name}_{column}", type_=ARRAY(kind)) for column, kind in columns.items())
    return func.unnest(*lists).table_valued(*columns).render_derived(name)


def listed(to: TableValuedAlias, rows: Iterable[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """The rows as the lists that a statement takes for these."""
    rows = [*rows]
    return {f"{to.name}_{column}": [row[column] for row in rows] for column in to.c.keys()}  # noqa: SIM118  SQLAlchemy's

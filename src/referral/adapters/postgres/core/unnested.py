from typing import Any

from sqlalchemy import bindparam, func
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.sql.selectable import TableValuedAlias
from sqlalchemy.types import TypeEngine


def unnested(name: str, **columns: TypeEngine[Any]) -> TableValuedAlias:
    """Rows that are given as one list for each column, so that a statement takes any number of them."""
    lists = (bindparam(column, type_=ARRAY(kind)) for column, kind in columns.items())
    return func.unnest(*lists).table_valued(*columns).render_derived(name)

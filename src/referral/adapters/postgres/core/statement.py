from typing import Any

from sqlalchemy.dialects.postgresql import asyncpg
from sqlalchemy.sql import ClauseElement
from sqlalchemy.sql.dml import UpdateBase

_DIALECT = asyncpg.dialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]


class Statement:
    """A SQLAlchemy Core statement, compiled once to the SQL and the argument order that asyncpg takes.

    `on_the_side` says that nobody has to be told when it is not known whether it was done.
    """

    __slots__ = ("_constants", "_names", "on_the_side", "sql", "writes")

    def __init__(self, statement: ClauseElement, *, on_the_side: bool = False) -> None:
        compiled = statement.compile(dialect=_DIALECT)
        self.sql = str(compiled)
        parts = [statement, *(cte.element for cte in compiled.ctes or ())]  # type: ignore[attr-defined]
        self.writes = any(isinstance(part, UpdateBase) for part in parts)
        self.on_the_side = on_the_side
        self._names: list[str] = compiled.positiontup  # type: ignore[attr-defined]
        self._constants = {
            name: value for name, value in compiled.params.items() if value is not None
        }

    def arguments(self, values: dict[str, Any]) -> list[Any]:
        """The values in the order of `$1, $2, …`; raise KeyError when one is missing."""
        constants = self._constants
        return [constants[n] if n in constants else values[n] for n in self._names]

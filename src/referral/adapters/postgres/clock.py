import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import func, select

from referral.adapters.postgres.database import Queries
from referral.adapters.postgres.statement import Statement
from referral.domain.errors import DatabaseUnavailable

_NOW = Statement(select(func.clock_timestamp().label("now")))


@dataclass(slots=True)
class PostgresClock:
    """The database's time, so that processes on machines whose clocks differ decide alike.

    Between two looks at the database this process's monotonic clock runs on; the machine's time of day is never
    asked. Until the first look there is no time: `now` raises DatabaseUnavailable.
    """

    queries: Queries
    # Seconds from the monotonic clock to the database's.
    _ahead: float | None = field(default=None, init=False)

    def now(self) -> datetime:
        if self._ahead is None:
            raise DatabaseUnavailable
        return datetime.fromtimestamp(time.monotonic() + self._ahead, UTC)

    async def look(self) -> None:
        """Set the clock by the database's; raise DatabaseUnavailable.

        The database read its clock at some moment between question and answer. What is known already is only
        changed as far as it cannot be true, so that looks at a slow database do no harm.
        """
        asked = time.monotonic()
        [row] = await self.queries.all(_NOW)
        answered = time.monotonic()
        read = row["now"].timestamp()
        least, most = read - answered, read - asked
        known = (least + most) / 2 if self._ahead is None else self._ahead
        self._ahead = min(max(known, least), most)

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog
from sqlalchemy import func, select

from referral.adapters.postgres.core.database import Queries
from referral.adapters.postgres.core.statement import Statement
from referral.domain.errors import DatabaseUnavailable

# So much may a machine's clock be off, and change, before it is worth a line.
OFF_SECONDS = 1.0

_NOW = Statement(select(func.clock_timestamp().label("now")))

log = structlog.get_logger()


@dataclass(slots=True)
class PostgresClock:
    """The database's time, so that processes on machines whose clocks differ decide alike.

    Between two looks at the database this process's monotonic clock runs on; the machine's time of day decides
    nothing. When it is far off, a line says so. Until the first look there is no time: `now` raises DatabaseUnavailable.
    """

    queries: Queries
    # Seconds from the monotonic clock to the database's.
    _ahead: float | None = field(default=None, init=False)
    _told_off: float = field(default=0.0, init=False)  # seconds

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
        self._tell_how_far_off(time.time() - (time.monotonic() + self._ahead))

    def _tell_how_far_off(self, seconds: float) -> None:
        """Once, and again when it is no longer true."""
        if abs(seconds - self._told_off) > OFF_SECONDS:
            self._told_off = seconds
            say = log.warning if abs(seconds) > OFF_SECONDS else log.info
            say("clock differs from the database's", seconds=round(seconds, 1))

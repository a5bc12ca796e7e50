from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import heappop, heappush
from itertools import count

Deed = Callable[[], Awaitable[None]]


@dataclass
class Agenda:
    """What is to be done when, and the clock that tells while it is done that it is then."""

    begins_at: datetime
    _planned: list[tuple[datetime, int, Deed]] = field(default_factory=list, init=False)
    _numbers: Iterator[int] = field(default_factory=count, init=False)
    _now: datetime = field(init=False)

    def __post_init__(self) -> None:
        self._now = self.begins_at

    def now(self) -> datetime:
        return self._now

    def plan(self, deed: Deed, days: float) -> None:
        """Have it done so many days from now."""
        heappush(self._planned, (self._now + timedelta(days), next(self._numbers), deed))

    async def days(self, most: int) -> AsyncIterator[int]:
        """Do what is planned for so many days, and what is planned meanwhile; tell after each deed on which day it was."""
        while self._planned and self._planned[0][0] < self.begins_at + timedelta(most):
            self._now, _, deed = heappop(self._planned)
            await deed()
            yield (self._now - self.begins_at).days + 1

import math
import sys
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Self

from referral.domain.access.errors import TooManyAttempts

# What is in progress is over soon.
SOON = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Use:
    """How much of a bucket is used: by hits, until its window ends, and by attempts that are in progress."""

    hits: int = 0
    in_progress: int = 0
    ends_in: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `hits` in a window of time, which starts with the first."""

    hits: int
    window: timedelta

    def lifted(self) -> Self:
        """The same window, in which nothing is refused."""
        return replace(self, hits=sys.maxsize)

    def is_reached(self, use: Use) -> bool:
        return use.hits + use.in_progress >= self.hits

    def ensure_room(self, use: Use) -> None:
        """Raise TooManyAttempts when no more is allowed: until the window ends if hits alone reach the limit, or SOON."""
        if self.is_reached(use):
            raise refused_for(use.ends_in if use.hits >= self.hits else SOON)


def refused_for(time: timedelta) -> TooManyAttempts:
    """In whole seconds, rounded up: who comes back then does not come too early."""
    return TooManyAttempts(max(1, math.ceil(time.total_seconds())))

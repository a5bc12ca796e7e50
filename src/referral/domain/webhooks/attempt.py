"""An attempt to send a message, as it ended."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus

LONGEST_WAIT = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """How an attempt to deliver ended: with what the endpoint answered, at most 1 kB of it, or why it did not."""

    at: datetime
    status: int | None = None
    answer: str = ""
    retry_after: timedelta | None = None

    @property
    def is_success(self) -> bool:
        return (
            self.status is not None and HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES
        )

    @property
    def is_gone(self) -> bool:
        """Whether the endpoint says that it wants no messages any more (Standard Webhooks 1.0)."""
        return self.status == HTTPStatus.GONE

    @property
    def wait(self) -> timedelta:
        """How long the endpoint asks to be left alone, a day at most."""
        return min(self.retry_after or timedelta(0), LONGEST_WAIT)

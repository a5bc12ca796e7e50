from dataclasses import dataclass
from datetime import timedelta

from referral.application.ports import Clock
from referral.application.webhooks.ports import Backlog, Deliveries

COUNTED = 100_000  # which the database counts in good time
PATIENCE = timedelta(
    minutes=5
)  # far more than it takes another process to send in place of one that died


@dataclass(frozen=True, slots=True)
class ShowBacklog:
    """What waits to be sent to active endpoints, 100,000 messages at most, and whether some is left for five minutes."""

    deliveries: Deliveries
    clock: Clock

    async def __call__(self) -> Backlog:
        now = self.clock.now()
        return await self.deliveries.backlog(now, now - PATIENCE, COUNTED)

"""For operators: do messages to webhook endpoints go out?"""

from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from typing import Any

import prometheus_client
import structlog
from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from prometheus_client import CollectorRegistry, Counter, Metric
from prometheus_client.core import GaugeMetricFamily

from referral.application.webhooks.ports import Backlog
from referral.domain.webhooks.delivery import Delivery, DeliveryStatus

OUTCOMES = {
    DeliveryStatus.DELIVERED: "delivered",
    DeliveryStatus.PENDING: "retry",
    DeliveryStatus.FAILED: "failed",
}
DELIVERIES = Counter(
    "referral_webhook_deliveries_total",
    "Attempts to deliver a message to a webhook endpoint, by what becomes of the message",
    ["outcome"],
)
_COUNTS = {status: DELIVERIES.labels(outcome) for status, outcome in OUTCOMES.items()}

log = structlog.get_logger()


def count(tried: Delivery) -> None:
    """Count an attempt to deliver a message."""
    _COUNTS[tried.status].inc()


class DeliveryHealth:
    """What waits to be sent, as it was at the last `look`, and whether nobody sends at all.

    An endpoint that is slow, or takes nothing, is its owner's matter, and no part of this. Delivery stands still when at
    two looks in a row something has long been due to an endpoint that no process sends to, nor leaves alone for a while.
    """

    def __init__(
        self, backlog: Callable[[], Awaitable[Backlog]], now: Callable[[], datetime]
    ) -> None:
        self._backlog, self._now = backlog, now
        self._last: Backlog | None = None
        self.stands_still = False
        self._registry = CollectorRegistry()
        self._registry.register(self)

    async def look(self) -> None:
        """See what waits; raise DatabaseUnavailable."""
        found = await self._backlog()
        stands_still = found.is_left and self._last is not None and self._last.is_left
        if stands_still and not self.stands_still:
            log.error("webhook delivery stands still", messages=found.count)
        elif self.stands_still and not stands_still:
            log.info("webhook delivery goes on", messages=found.count)
        self._last, self.stands_still = found, stands_still

    @property
    def _seconds(self) -> float:
        """How long the first of what is due waits."""
        if self._last is None or self._last.since is None:
            return 0.0
        return max(0.0, (self._now() - self._last.since).total_seconds())

    def collect(self) -> Iterable[Metric]:
        if self._last is not None:
            yield GaugeMetricFamily(
                "referral_webhook_backlog",
                "Messages that wait to be sent to active webhook endpoints, 100,000 at most",
                self._last.count,
            )
            yield GaugeMetricFamily(
                "referral_webhook_oldest_due_seconds",
                "How long the first message waits that is due",
                self._seconds,
            )

    def metrics(self) -> bytes:
        """The same for Prometheus."""
        return prometheus_client.generate_latest(self._registry)

    def handler(self) -> HTTPRouteHandler:
        @get("/health/delivery")
        async def delivery() -> Response[dict[str, Any]]:
            status = "standing-still" if self.stands_still else "delivering"
            waiting = self._last and self._last.count
            return Response(
                {
                    "status": status,
                    "waiting": waiting,
                    "oldest_due_seconds": round(self._seconds, 1),
                },
                status_code=503 if self.stands_still else 200,
            )

        return delivery

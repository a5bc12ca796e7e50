"""For operators: is the service alive, can it serve, what has it counted?"""

from collections.abc import Awaitable, Callable

import prometheus_client
from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from prometheus_client import Counter, Histogram

prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
REQUESTS = Counter("referral_requests_total", "Requests answered", ["method", "route", "status"])
SECONDS = Histogram(
    "referral_request_seconds",
    "Time from a request's head to the end of its answer",
    ["route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
LOG_LINES_DROPPED = Counter("referral_log_lines_dropped_total", "Log lines that were not written")


def health_handlers(ready: Callable[[], Awaitable[None]]) -> list[HTTPRouteHandler]:
    @get("/health/live")
    async def live() -> dict[str, str]:
        return {"status": "alive"}

    @get("/health/ready")
    async def is_ready() -> dict[str, str]:
        await ready()
        return {"status": "ready"}

    return [live, is_ready]


def metrics_handler(more: Callable[[], bytes]) -> HTTPRouteHandler:
    @get("/metrics", media_type=prometheus_client.CONTENT_TYPE_LATEST)
    async def metrics() -> Response[bytes]:
        """What all workers together have counted, and more that is no count."""
        return Response(
            prometheus_client.generate_latest() + more(),
            media_type=prometheus_client.CONTENT_TYPE_LATEST,
        )

    return metrics

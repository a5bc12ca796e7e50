from collections.abc import Collection, Mapping
from datetime import timedelta

from referral.application.access.limit import Limit, Use


class NoRateLimits:
    """A rate limiter for where a gateway limits, or a load test wants to know: it counts nothing."""

    def ensure_open(self, bucket: str) -> None:
        pass

    def close(self, bucket: str, time: timedelta) -> None:
        pass

    async def hit(self, limits: Mapping[str, Limit]) -> None:
        pass

    async def take(self, bucket: str, limit: Limit, hits: int) -> tuple[int, Use]:  # noqa: ARG002
        return hits, Use()

    async def look(self, *buckets: str) -> Mapping[str, Use]:
        return dict.fromkeys(buckets, Use())

    async def start(self, limits: Mapping[str, Limit]) -> None:
        pass

    async def finish(self, buckets: Collection[str], *, hits: int) -> None:
        pass

    async def remember(self, bucket: str, time: timedelta) -> None:
        pass

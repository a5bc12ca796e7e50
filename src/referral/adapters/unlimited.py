from referral.application.ports import Limit


class Unlimited:
    """A rate limiter for where a gateway limits, or a load test wants to know: it counts nothing."""

    async def hit(self, bucket: str, limit: Limit) -> None:
        pass

    async def give_back(self, bucket: str) -> None:
        pass

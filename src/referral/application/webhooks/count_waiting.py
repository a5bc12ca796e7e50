from dataclasses import dataclass
from datetime import datetime

from referral.application.instant import instant
from referral.application.webhooks.ports import Deliveries, Endpoints
from referral.domain.access.caller import OPERATOR, Caller, Scope
from referral.domain.errors import Checks
from referral.domain.webhooks.endpoint import EndpointId


@dataclass(frozen=True, slots=True)
class CountWaiting:
    """How many messages to an endpoint still wait that were written since a time and before another, `most` at most.

    Raises MissingScope, InvalidInput or EndpointNotFound.
    """

    endpoints: Endpoints
    deliveries: Deliveries

    async def __call__(
        self,
        *,
        endpoint_id: EndpointId,
        since: datetime | str,
        until: datetime | str,
        most: int,
        caller: Caller = OPERATOR,
    ) -> int:
        caller.ensure_may(Scope.WEBHOOKS_READ)
        checks = Checks()
        with checks.of("from"):
            begins_at = instant(since)
        with checks.of("to"):
            ends_at = instant(until)
        checks.done()
        await self.endpoints.find(endpoint_id)
        return await self.deliveries.waiting(endpoint_id, begins_at, ends_at, most)

from dataclasses import dataclass

from referral.application.pages import DEFAULT_SIZE, ListPage, ListRequest
from referral.application.webhooks.ports import Deliveries, Endpoints
from referral.domain.access.caller import OPERATOR, Caller, Scope
from referral.domain.errors import Checks
from referral.domain.webhooks.delivery import Delivery, DeliveryStatus
from referral.domain.webhooks.endpoint import EndpointId


@dataclass(frozen=True, slots=True)
class ListDeliveries:
    """What was, is or will be sent to an endpoint, newest first; of one status, where it is given.

    Raises MissingScope, InvalidInput or EndpointNotFound.
    """

    endpoints: Endpoints
    deliveries: Deliveries

    async def __call__(
        self,
        *,
        endpoint_id: EndpointId,
        status: str | None = None,
        limit: int = DEFAULT_SIZE,
        cursor: int | None = None,
        caller: Caller = OPERATOR,
    ) -> ListPage[Delivery]:
        caller.ensure_may(Scope.WEBHOOKS_READ)
        request = ListRequest.of(limit=limit, cursor=cursor)
        checks = Checks()
        wanted = None
        with checks.of("status"):
            wanted = None if status is None else DeliveryStatus.parse(status)
        checks.done()
        await self.endpoints.find(endpoint_id)
        return await self.deliveries.page_of(endpoint_id, request, wanted)

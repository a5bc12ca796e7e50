from dataclasses import dataclass

from referral.application.webhooks.ports import Endpoints
from referral.domain.access.caller import OPERATOR, Caller, Scope
from referral.domain.webhooks.endpoint import Endpoint, EndpointId


@dataclass(frozen=True, slots=True)
class ShowEndpoint:
    """A webhook endpoint; raise MissingScope or EndpointNotFound."""

    endpoints: Endpoints

    async def __call__(self, *, endpoint_id: EndpointId, caller: Caller = OPERATOR) -> Endpoint:
        caller.ensure_may(Scope.WEBHOOKS_READ)
        return await self.endpoints.find(endpoint_id)

from dataclasses import dataclass

from referral.application.audit import Audit
from referral.application.ports import Clock
from referral.application.webhooks.ports import Endpoints
from referral.domain.access.caller import OPERATOR, Caller, Scope
from referral.domain.webhooks.endpoint import EndpointId


@dataclass(frozen=True, slots=True)
class DeleteEndpoint:
    """Send an endpoint nothing any more, for good; raise MissingScope or EndpointNotFound."""

    endpoints: Endpoints
    clock: Clock
    audit: Audit

    async def __call__(self, *, endpoint_id: EndpointId, caller: Caller = OPERATOR) -> None:
        with self.audit.by(caller, "delete-endpoint") as deed:
            deed.endpoint_id = endpoint_id
            caller.ensure_may(Scope.WEBHOOKS_WRITE)
            await self.endpoints.delete(endpoint_id, self.clock.now())

from dataclasses import dataclass

from referral.application.audit import Audit
from referral.application.ports import Clock
from referral.application.webhooks.ports import Deliveries, Endpoints
from referral.domain.access.caller import OPERATOR, Caller, Scope
from referral.domain.webhooks.delivery import Delivery
from referral.domain.webhooks.endpoint import EndpointId
from referral.domain.webhooks.message import Message, MessageType


@dataclass(frozen=True, slots=True)
class TryEndpoint:
    """Have a message sent to an endpoint that tells of nothing; what becomes of it is listed as of any other.

    An endpoint that is left alone, because it failed, is sent to at once.

    Raises MissingScope, EndpointNotFound or EndpointDisabled.
    """

    endpoints: Endpoints
    deliveries: Deliveries
    clock: Clock
    audit: Audit

    async def __call__(self, *, endpoint_id: EndpointId, caller: Caller = OPERATOR) -> Delivery:
        with self.audit.by(caller, "try-endpoint") as deed:
            deed.endpoint_id = endpoint_id
            caller.ensure_may(Scope.WEBHOOKS_WRITE)
            (await self.endpoints.find(endpoint_id)).ensure_active()
            await self.endpoints.end_pause(endpoint_id, self.clock.now())
            about = {"endpoint_id": str(endpoint_id)}
            message = Message(MessageType.TEST, about, self.clock.now())
            return await self.deliveries.add(endpoint_id, message)

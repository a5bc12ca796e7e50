from dataclasses import dataclass
from uuid import UUID

from referral.application.audit import Audit
from referral.application.webhooks.ports import Deliveries, Endpoints
from referral.domain.access.caller import OPERATOR, Caller, Scope
from referral.domain.webhooks.delivery import Delivery, MessageId
from referral.domain.webhooks.endpoint import EndpointId
from referral.domain.webhooks.errors import MessageNotFound


@dataclass(frozen=True, slots=True)
class ReplayMessage:
    """Have one message sent to an endpoint once more, under its id; one that is waited for is sent at once.

    Raises MissingScope, EndpointNotFound, EndpointDisabled or MessageNotFound.
    """

    endpoints: Endpoints
    deliveries: Deliveries
    audit: Audit

    async def __call__(
        self, *, endpoint_id: EndpointId, message: str, caller: Caller = OPERATOR
    ) -> Delivery:
        with self.audit.by(caller, "replay-message") as deed:
            deed.endpoint_id = endpoint_id
            caller.ensure_may(Scope.WEBHOOKS_WRITE)
            (await self.endpoints.find(endpoint_id)).ensure_active()
            try:
                message_id = MessageId(UUID(message))
            except ValueError:
                raise MessageNotFound from None
            return await self.deliveries.replay(endpoint_id, message_id)

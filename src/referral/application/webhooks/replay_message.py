from dataclasses import dataclass
from uuid import UUID

from referral.application.audit import Audit
from referral.application.ports import Clock
from referral.application.webhooks.ports import Deliveries, Endpoints
from referral.domain.access.caller import OPERATOR, Caller, Scope
from referral.domain.webhooks.delivery import Delivery, MessageId
from referral.domain.webhooks.endpoint import EndpointId
from referral.domain.webhooks.errors import MessageNotFound


@dataclass(frozen=True, slots=True)
class ReplayMessage:
    """Have one message sent to an endpoint once more, under its id; one that is waited for is sent at once.

    So is what waits for an endpoint that is left alone, because it failed.

    Raises MissingScope, EndpointNotFound, EndpointDisabled or MessageNotFound.
    """

    endpoints: Endpoints
    deliveries: Deliveries
    clock: Clock
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
            replayed = await self.deliveries.replay(endpoint_id, message_id)
            await self.endpoints.end_pause(endpoint_id, self.clock.now())
            return replayed

"""What the use cases of webhooks need of the outside, and what they may count on."""

from datetime import datetime
from typing import Protocol

from referral.application.pages import ListPage, ListRequest
from referral.domain.webhooks.delivery import Delivery
from referral.domain.webhooks.endpoint import Endpoint, EndpointId
from referral.domain.webhooks.message import Message, MessageType


class Endpoints(Protocol):
    async def add(self, endpoint: Endpoint) -> None:
        """Store a new one."""

    async def find(self, endpoint_id: EndpointId) -> Endpoint:
        """Raise EndpointNotFound for one that does not exist or was deleted."""

    async def lock(self, endpoint_id: EndpointId) -> Endpoint:
        """As `find`, and until the transaction ends nobody else changes it. Who holds this lock takes no other."""

    async def save(self, endpoint: Endpoint) -> None:
        """Store what has changed."""

    async def delete(self, endpoint_id: EndpointId, now: datetime) -> None:
        """Send it nothing any more, for good; raise EndpointNotFound."""

    async def page_of(self, request: ListRequest) -> ListPage[Endpoint]:
        """The endpoints, newest first."""


class Listeners(Protocol):
    """Which messages there are endpoints for, as it is known without a query."""

    def may_hear(self, *kinds: MessageType) -> bool:
        """Whether an endpoint hears of any of these; no is right for each that was there a second ago."""


class Outbox(Protocol):
    async def add(self, *messages: Message) -> None:
        """Have each sent to every endpoint that hears of it, if the transaction is committed, and only then.

        Costs no query where there are no such endpoints. An endpoint counts from a second after it was stored.
        """


class Deliveries(Protocol):
    async def page_of(self, endpoint_id: EndpointId, request: ListRequest) -> ListPage[Delivery]:
        """What was, is or will be sent to an endpoint, newest first."""

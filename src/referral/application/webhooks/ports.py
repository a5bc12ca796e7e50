"""What the use cases of webhooks need of the outside, and what they may count on."""

from datetime import datetime
from typing import Protocol

from referral.application.pages import ListPage, ListRequest
from referral.domain.webhooks.endpoint import Endpoint, EndpointId


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

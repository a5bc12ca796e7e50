"""What the use cases of webhooks need of the outside, and what they may count on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from referral.application.pages import ListPage, ListRequest
from referral.domain.webhooks.delivery import Delivery, DeliveryStatus, MessageId
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

    async def end_pause(self, endpoint_id: EndpointId, now: datetime) -> None:
        """Leave it alone no longer than until now, though it has failed."""

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


@dataclass(frozen=True, slots=True)
class Lane:
    """The right to be the one that sends to an endpoint, until it ends; `holder` is that of no other lane."""

    endpoint: Endpoint
    holder: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """Which messages to send once more: those written since one time and before another, at most so many after one."""

    since: datetime
    until: datetime
    only_failed: bool
    after: MessageId | None
    most: int


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits to be sent to active endpoints: how many messages, and since when the first of them is due.

    `is_left` says that something has long been due to an endpoint that nobody sends to, nor leaves alone for a while.
    """

    count: int
    since: datetime | None
    is_left: bool


class Deliveries(Protocol):
    async def take(self, now: datetime, until: datetime, most: int) -> Sequence[Lane]:
        """A lane until then to each active endpoint that something is due for.

        Not to one that somebody else has a lane to, nor to one that is left alone.
        """

    async def due(self, endpoint: Endpoint, now: datetime, most: int) -> Sequence[Delivery]:
        """What is to be sent now: first what never was, in the order in which it was written, then what failed before.

        Nothing, when the endpoint was disabled or deleted, or has another address now.
        """

    async def record(self, tried: Sequence[Delivery]) -> None:
        """Store what became of them; one that is delivered already stays so."""

    async def end(self, lane: Lane, now: datetime) -> None:
        """End the lane now; that of another, who took it when it was lost, stays as it is."""

    async def page_of(
        self, endpoint_id: EndpointId, request: ListRequest, status: DeliveryStatus | None = None
    ) -> ListPage[Delivery]:
        """What was, is or will be sent to an endpoint, newest first; of one status, where it is given."""

    async def add(self, endpoint_id: EndpointId, message: Message) -> Delivery:
        """Have a message sent to this endpoint alone, whatever it hears of."""

    async def replay(self, endpoint_id: EndpointId, message_id: MessageId) -> Delivery:
        """Have a message sent to the endpoint once more, as if it were new; raise MessageNotFound."""

    async def replay_some(self, endpoint_id: EndpointId, wanted: Replay) -> Sequence[MessageId]:
        """Have messages that are delivered or have failed sent once more, in their order; give those, oldest first."""

    async def waiting(
        self, endpoint_id: EndpointId, since: datetime, until: datetime, most: int
    ) -> int:
        """How many are pending of those written since one time and before another; so many are counted at most."""

    async def backlog(self, now: datetime, before: datetime, most: int) -> Backlog:
        """What waits, of which so many are counted at most; left is what could have been sent before then.

        What is sent once more waits since no time.
        """


@dataclass(frozen=True, slots=True)
class Answer:
    """What an endpoint answered, at most 1 kB of it; without a status, why there was no answer."""

    status: int | None
    text: str
    retry_after: timedelta | None = None


class WebhookSender(Protocol):
    async def prepare(self) -> None:
        """Load what sending takes, so that the first message does not wait for it; the second time it costs nothing."""

    async def send(self, url: str, headers: Mapping[str, str], body: str) -> Answer:
        """Send it by POST and wait 15 seconds at most; redirects are not followed.

        Unless private networks are allowed, nothing is sent to an address that is not public, whatever name leads to it.
        """

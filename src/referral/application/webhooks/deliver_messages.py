import random
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from typing import Any

from referral.application.access.ports import Sealing
from referral.application.again import again
from referral.application.ports import Clock
from referral.application.transaction import UnitOfWork
from referral.application.webhooks.ports import Deliveries, Lane, Listeners, WebhookSender
from referral.domain.webhooks.attempt import Attempt
from referral.domain.webhooks.delivery import Delivery
from referral.domain.webhooks.endpoint import UNREADABLE, Endpoint, EndpointId
from referral.domain.webhooks.errors import EndpointNotFound
from referral.domain.webhooks.message import MessageType
from referral.domain.webhooks.signing import signatures

LANES = 100  # endpoints taken at a time
SHARE = 100  # so many are sent again, at most, when a process dies
TURN = timedelta(seconds=10)  # then other processes have a chance
LOOK = timedelta(seconds=1)  # then it is looked whether the endpoint is as it was
LEASE = timedelta(seconds=60)  # a turn, the longest answer, and time to spare


@dataclass(frozen=True, slots=True)
class Retention:
    """How long messages are kept that are delivered, or have failed."""

    time: timedelta


Note = Callable[[Delivery], object]


def nothing(_: Delivery) -> None: ...


@dataclass(frozen=True, slots=True)
class DeliverMessages:
    """Send what is due: give the work for each endpoint, none of which waits for another.

    `note` is called with what each attempt makes of its message.

    Any number of processes share the endpoints, and one at a time sends to each: in the order in which the messages were
    written, as long as the endpoint takes them. An endpoint that does not is left alone for a while.
    """

    deliveries: Deliveries
    unit_of_work: UnitOfWork
    sender: WebhookSender
    listeners: Listeners
    sealing: Sealing
    clock: Clock
    retention: Retention

    async def __call__(self, note: Note = nothing) -> Sequence[Coroutine[Any, Any, None]]:
        if self.listeners.may_hear(*MessageType):
            await self.sender.prepare()
        now = self.clock.now()
        lanes = await self.deliveries.take(now, now + LEASE, LANES)
        return [self._serve(lane, note) for lane in lanes]

    async def _serve(self, lane: Lane, note: Note) -> None:
        try:
            await self._turn(lane.endpoint, self.clock.now(), note)
        except EndpointNotFound:
            pass  # it was deleted meanwhile
        finally:  # even when the process is told to stop
            await self.deliveries.end(lane, self.clock.now())

    async def _turn(self, endpoint: Endpoint, began_at: datetime, note: Note) -> None:
        """Send to an endpoint until nothing is due, it fails, or its turn is over."""
        secrets = self._secrets(endpoint)
        if not secrets:
            await again(self._disable, endpoint.id)
            return
        while (now := self.clock.now()) < began_at + TURN:
            due = await self.deliveries.due(endpoint, now, SHARE)
            if not due:
                break
            attempts = await self._send(endpoint, secrets, due, now + LOOK, note)
            if reduce(Endpoint.after, attempts, endpoint) != endpoint:
                await again(self._note, endpoint, attempts)
                return

    def _secrets(self, endpoint: Endpoint) -> Sequence[bytes]:
        """What signs now, but for what was sealed with a secret of the service that is gone."""
        opened = [self.sealing.opened(sealed) for sealed in endpoint.secrets(self.clock.now())]
        return [secret for secret in opened if secret is not None]

    async def _send(
        self,
        endpoint: Endpoint,
        secrets: Sequence[bytes],
        due: Sequence[Delivery],
        ends_at: datetime,
        note: Note,
    ) -> Sequence[Attempt]:
        """Send one after the other until one fails, store what became of them, and give the last two attempts."""
        tried: list[Delivery] = []
        attempts: list[Attempt] = []
        try:
            for delivery in due:
                attempt = await self._attempt(endpoint, secrets, delivery)
                attempts.append(attempt)
                jitter = random.random()  # noqa: S311  no secret
                tried.append(delivery.after(attempt, jitter=jitter, keep=self.retention.time))
                note(tried[-1])
                if not attempt.is_success or attempt.at >= ends_at:
                    break
            return attempts[-2:]  # what was taken before says no more than that
        finally:  # even when the process is told to stop
            await self.deliveries.record(tried)

    async def _attempt(
        self, endpoint: Endpoint, secrets: Sequence[bytes], delivery: Delivery
    ) -> Attempt:
        message, timestamp = str(delivery.message_id), int(self.clock.now().timestamp())
        signed = signatures(
            secrets, message=message, timestamp=timestamp, body=delivery.body.encode()
        )
        headers = {
            "content-type": "application/json",
            "webhook-id": message,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signed,
        }
        answer = await self.sender.send(endpoint.url, headers, delivery.body)
        return Attempt(
            at=self.clock.now(),
            status=answer.status,
            answer=answer.text,
            retry_after=answer.retry_after,
        )

    async def _note(self, endpoint: Endpoint, attempts: Sequence[Attempt]) -> None:
        """Store what the attempts make of the endpoint, unless it was moved or disabled meanwhile."""
        async with self.unit_of_work.begin() as tx:
            locked = await tx.endpoints.lock(endpoint.id)
            if (locked.url, locked.status) == (endpoint.url, endpoint.status):
                await tx.endpoints.save(reduce(Endpoint.after, attempts, locked))

    async def _disable(self, endpoint_id: EndpointId) -> None:
        async with self.unit_of_work.begin() as tx:
            locked = await tx.endpoints.lock(endpoint_id)
            await tx.endpoints.save(locked.disabled(self.clock.now(), UNREADABLE))

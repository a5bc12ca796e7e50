"""Deliveries: a message on its way to one endpoint, and what came of it."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NewType, Self
from uuid import UUID

from referral.domain.webhooks.attempt import Attempt
from referral.domain.webhooks.endpoint import EndpointId
from referral.domain.webhooks.message import MessageType
from referral.domain.words import Word

MessageId = NewType("MessageId", UUID)

# How long after each attempt that failed the next one is made; then the message has failed.
RETRIES = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    *(timedelta(hours=hours) for hours in (2, 5, 10, 14, 20, 24)),
)
JITTER = 0.1  # at most so much longer, so that those that failed together do not come back together


class DeliveryStatus(Word):
    """A failed one is not tried again by itself."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A message for an endpoint; the same message has one id, to whatever endpoint and however often it is sent."""

    endpoint_id: EndpointId
    message_id: MessageId
    type: MessageType
    body: str
    created_at: datetime
    status: DeliveryStatus = DeliveryStatus.PENDING
    attempts: int = 0
    next_attempt_at: datetime | None = None
    last_attempt_at: datetime | None = None
    last_status: int | None = None
    last_answer: str | None = None
    expires_at: datetime | None = None

    def after(self, attempt: Attempt, *, jitter: float, keep: timedelta) -> Self:
        """What it is after an attempt; `jitter` is from 0 to 1, and what is over is kept for so long."""
        tried = replace(
            self,
            attempts=self.attempts + 1,
            last_attempt_at=attempt.at,
            last_status=attempt.status,
            last_answer=attempt.answer,
        )
        if attempt.is_success or attempt.is_gone or self.attempts >= len(RETRIES):
            status = DeliveryStatus.DELIVERED if attempt.is_success else DeliveryStatus.FAILED
            expires_at = attempt.at + keep
            return replace(tried, status=status, next_attempt_at=None, expires_at=expires_at)
        pause = RETRIES[self.attempts] * (1 + JITTER * jitter)
        return replace(tried, next_attempt_at=attempt.at + max(pause, attempt.wait))

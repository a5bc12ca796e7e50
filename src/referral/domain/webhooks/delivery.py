"""Deliveries: a message on its way to one endpoint, and what came of it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType
from uuid import UUID

from referral.domain.webhooks.endpoint import EndpointId
from referral.domain.webhooks.message import MessageType

MessageId = NewType("MessageId", UUID)


class DeliveryStatus(StrEnum):
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

"""What a server tells of an event, and the event that is made of it."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

from referral.domain.accounts.user import UserId
from referral.domain.errors import Checks
from referral.domain.rewards import event as rules
from referral.domain.rewards.errors import EventNotFound, RefundExceedsEvent
from referral.domain.rewards.event import Amount, Event, EventId, NewEvent
from referral.domain.rewards.qualification import left_of, refunds


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldEvent:
    """What a server tells of an event, checked value by value."""

    source: str
    id: EventId
    type: str
    amount: int | None
    unit: str | None
    of: EventId | None
    occurred_at: datetime | None
    metadata: Mapping[str, str]

    def among(self, before: Sequence[Event]) -> Self:
        """The same in the unit of the event that a refund is `of`, where none is told."""
        original = self._refunded(before)
        if self.amount is None or self.unit or original is None or original.amount is None:
            return self
        return replace(self, unit=original.amount.unit)

    def digest(self, participant_id: UserId) -> bytes:
        """Of everything that is told, so that the same event is known when it is told again."""
        content = [
            str(participant_id),
            self.type,
            None if self.amount is None else [self.amount, self.unit],
            self.of and self.of.value,
            self.occurred_at and self.occurred_at.isoformat(),
            sorted(self.metadata.items()),
        ]
        return hashlib.sha256(json.dumps(content).encode()).digest()

    def event(self, participant_id: UserId, before: Sequence[Event], now: datetime) -> NewEvent:
        """The event, after those before it; raise InvalidInput, EventNotFound or RefundExceedsEvent."""
        checks = Checks()
        with checks.of("occurred_at"):
            rules.ensure_may_have_occurred(self.occurred_at or now, now)
        checks.done()
        return NewEvent(
            source=self.source,
            id=self.id,
            type=self.type,
            participant_id=participant_id,
            occurred_at=self.occurred_at or now,
            amount=self._worth(before),
            of=self.of,
            metadata=self.metadata,
        )

    def _worth(self, before: Sequence[Event]) -> Amount | None:
        told = None if self.amount is None or self.unit is None else Amount(self.amount, self.unit)
        if self.of is None:
            return told
        original = self._refunded(before)
        if original is None:
            raise EventNotFound
        left = left_of(original, refunds(before))
        if left is None or left.value == 0:
            raise RefundExceedsEvent
        amount = told or left
        if amount.unit != left.unit or amount.value > left.value:
            raise RefundExceedsEvent
        return amount

    def _refunded(self, before: Sequence[Event]) -> Event | None:
        if self.of is None:
            return None
        found = (e for e in before if (e.source, e.id) == (self.source, self.of) and e.of is None)
        return next(found, None)

"""What the use cases of events and rewards need of the outside, and what they may count on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from referral.domain.accounts.user import UserId
from referral.domain.programs.referral import ReferralStatus
from referral.domain.rewards.event import Event, EventId
from referral.domain.rewards.qualification import Decision


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """An event, a digest of what the server told, and what came of it; `status` is the referral's then, if there is one."""

    event: Event
    digest: bytes
    status: ReferralStatus | None
    decisions: Sequence[Decision]


class Events(Protocol):
    async def find(self, source: str, event_id: EventId) -> RecordedEvent | None:
        """What was recorded under this id, and what came of it then."""

    async def of(self, participant_id: UserId) -> Sequence[Event]:
        """All events of someone, refunds among them."""

    async def add(self, recorded: RecordedEvent) -> None:
        """Store it; raise EventDiffers when its id was taken meanwhile, for an event of someone else."""

    async def forget_metadata(self, participant_id: UserId) -> None:
        """Forget what servers keep with someone's events."""

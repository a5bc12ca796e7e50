"""What there is to tell endpoints, and which of it each wants to hear."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from referral.domain.errors import InvalidInput
from referral.domain.texts import written


class MessageType(StrEnum):
    """What has happened: a subject, and what became of it; or that somebody tries the endpoint."""

    PARTICIPANT_CREATED = "participant.created"
    PARTICIPANT_ERASED = "participant.erased"
    CODE_ISSUED = "code.issued"
    CODE_RETIRED = "code.retired"
    REFERRAL_CREATED = "referral.created"
    REFERRAL_QUALIFIED = "referral.qualified"
    REFERRAL_REJECTED = "referral.rejected"
    REFERRAL_EXPIRED = "referral.expired"
    REFERRAL_HELD = "referral.held"
    REFERRAL_RELEASED = "referral.released"
    REWARD_CREATED = "reward.created"
    REWARD_APPROVED = "reward.approved"
    REWARD_PAID = "reward.paid"
    REWARD_REJECTED = "reward.rejected"
    REWARD_REVERSED = "reward.reversed"
    TEST = "webhook.test"

    @property
    def patterns(self) -> tuple[str, str]:
        """What an endpoint may have written that wants to hear of it."""
        return self.value, f"{self.partition('.')[0]}.*"


HAPPENINGS = tuple(kind for kind in MessageType if kind is not MessageType.TEST)
PATTERNS = tuple(dict.fromkeys(pattern for kind in HAPPENINGS for pattern in kind.patterns))
"""All that an endpoint may write: each type, and `reward.*` for all types of a subject."""


def event_patterns(raw: Collection[str]) -> tuple[str, ...]:
    """What an endpoint wants to hear, each once; raise InvalidInput for nothing, or what matches no type."""
    wanted = tuple(dict.fromkeys(raw))
    if not wanted or not {*wanted} <= {*PATTERNS}:
        raise InvalidInput(
            "Events are one or more types such as `referral.created`, or all of a subject as `reward.*`."
        )
    return wanted


@dataclass(frozen=True, slots=True)
class Message:
    """Something that has happened, to be told to endpoints; `data` is JSON, of a few hundred bytes."""

    type: MessageType
    data: Mapping[str, object]
    at: datetime

    @property
    def body(self) -> str:
        """What is sent, in ASCII: `type`, `timestamp` and `data`."""
        told = {"type": self.type, "timestamp": written(self.at), "data": self.data}
        return json.dumps(told, separators=(",", ":"))

"""What is sent to webhook endpoints, as its receivers read it."""

from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta

from referral.domain.webhooks.message import MessageType
from referral.entrypoints.http.api.participants import ExternalId, Locale
from referral.entrypoints.http.api.referrals import Reference, Referral
from referral.entrypoints.http.api.rewards import Reward
from referral.entrypoints.http.api.shapes import CodeText, Instant, ProgramSlug


class ParticipantCreated(msgspec.Struct, kw_only=True):
    """Someone takes part; their name and address are left to the API, so that they can be forgotten."""

    id: UUID
    external_id: ExternalId | None
    locale: Locale | None
    created_at: Instant
    referrer_id: Annotated[UUID | None, Meta(description="who brought them, if someone did")]


class ParticipantErased(msgspec.Struct, kw_only=True):
    """All that tells who somebody was is forgotten: forget it too."""

    id: UUID
    external_id: ExternalId | None
    erased_at: Instant


class CodeRetired(msgspec.Struct, kw_only=True):
    """Nobody can sign up with a code any more: it was withdrawn or replaced, or its owner is gone."""

    id: int
    owner: Reference
    program: ProgramSlug
    code: CodeText


class CodeIssued(CodeRetired, kw_only=True):
    """Somebody has a new code to hand out."""

    expires_at: Instant
    max_uses: int | None


class EndpointTried(msgspec.Struct, kw_only=True):
    """Nothing has happened: somebody tries the endpoint."""

    endpoint_id: UUID


@dataclass(frozen=True)
class Described:
    """What one type of message tells, and when it is sent."""

    data: type[msgspec.Struct]
    sent_when: str
    example: dict[str, Any]


_ID = "0197f2c4-9a6e-7d31-8a51-3f0c6de7f1b2"
_WHEN = "2030-10-10T12:00:00Z"
_PARTICIPANT = {"id": _ID, "external_id": "customer-42"}
_CODE = {"id": 7, "owner": "customer-41", "program": "default", "code": "ROSE-2030"}
_REFERRAL = {
    "id": _ID,
    "program": "default",
    "terms_version": 1,
    "referrer": "customer-41",
    "referee": "customer-42",
    "code": "ROSE-2030",
    "status": "signed_up",
    "held": False,
    "held_reasons": [],
    "created_at": _WHEN,
    "qualified_at": None,
}
_REWARD = {
    "id": _ID,
    "referral": _ID,
    "program": "summer",
    "terms_version": 1,
    "rule": "thanks",
    "to": "referrer",
    "participant": "customer-41",
    "amount": 1000,
    "unit": "EUR",
    "status": "pending",
    "created_at": _WHEN,
    "due_at": _WHEN,
    "recovers": None,
    "payout": None,
}

MESSAGES = {
    MessageType.PARTICIPANT_CREATED: Described(
        ParticipantCreated,
        "Someone registered or was enrolled.",
        {**_PARTICIPANT, "locale": "de-AT", "created_at": _WHEN, "referrer_id": None},
    ),
    MessageType.PARTICIPANT_ERASED: Described(
        ParticipantErased, "Someone was erased.", {**_PARTICIPANT, "erased_at": _WHEN}
    ),
    MessageType.CODE_ISSUED: Described(
        CodeIssued, "A code was issued.", {**_CODE, "expires_at": _WHEN, "max_uses": None}
    ),
    MessageType.CODE_RETIRED: Described(CodeRetired, "A code was withdrawn or replaced.", _CODE),
    MessageType.REFERRAL_CREATED: Described(Referral, "Someone was referred.", _REFERRAL),
    MessageType.REFERRAL_QUALIFIED: Described(
        Referral,
        "A referral qualified.",
        {**_REFERRAL, "status": "qualified", "qualified_at": _WHEN},
    ),
    MessageType.REFERRAL_HELD: Described(
        Referral,
        "A new referral was found suspicious: its rewards are held.",
        {**_REFERRAL, "held": True, "held_reasons": ["velocity"]},
    ),
    MessageType.REFERRAL_RELEASED: Described(
        Referral, "Someone decided that a referral is good: it is not held any more.", _REFERRAL
    ),
    MessageType.REFERRAL_REJECTED: Described(
        Referral, "A referral was refused for good.", {**_REFERRAL, "status": "rejected"}
    ),
    MessageType.REFERRAL_EXPIRED: Described(
        Referral, "The time to qualify has passed.", {**_REFERRAL, "status": "expired"}
    ),
    MessageType.REWARD_CREATED: Described(
        Reward, "There is a reward, or a negative one that recovers what was paid.", _REWARD
    ),
    MessageType.REWARD_APPROVED: Described(
        Reward, "A reward can be paid.", {**_REWARD, "status": "approved"}
    ),
    MessageType.REWARD_PAID: Described(
        Reward, "A payout paid a reward.", {**_REWARD, "status": "paid", "payout": _ID}
    ),
    MessageType.REWARD_REJECTED: Described(
        Reward, "Someone refused a reward.", {**_REWARD, "status": "rejected"}
    ),
    MessageType.REWARD_REVERSED: Described(
        Reward, "A reward was taken back, or a part of it.", {**_REWARD, "status": "reversed"}
    ),
    MessageType.TEST: Described(
        EndpointTried, "Somebody tries the endpoint.", {"endpoint_id": _ID}
    ),
}
"""What each type of message tells."""

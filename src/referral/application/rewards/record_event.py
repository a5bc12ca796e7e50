from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from referral.application.accounts.participant_reference import (
    ParticipantReference,
    participant_reference,
)
from referral.application.again import again
from referral.application.audit import Audit
from referral.application.instant import instant
from referral.application.ports import Clock
from referral.application.rewards.event_awards import EventAwards
from referral.application.rewards.ports import Events, RecordedEvent
from referral.application.rewards.told_event import ToldEvent
from referral.application.transaction import Transaction, UnitOfWork
from referral.domain.access.caller import OPERATOR, Caller, Scope
from referral.domain.accounts.errors import ParticipantNotFound
from referral.domain.accounts.external_id import ExternalId
from referral.domain.accounts.user import UserId
from referral.domain.errors import Checks, InvalidInput
from referral.domain.programs.terms import REFUND
from referral.domain.rewards import event as rules
from referral.domain.rewards.errors import EventDiffers, EventNotFound
from referral.domain.rewards.event import Event, EventId


@dataclass(frozen=True, slots=True)
class RecordEvent:
    """Record that a participant did something, judge what it means for their referral, and tell whether it is new.

    Told again with the same content, it gives what came of it the first time. A refund names the event that it is
    `of`, whose unit it has, and needs no participant; without an amount it is of all that is left.

    Raises MissingScope, InvalidInput, ParticipantNotFound, EventNotFound for a refund of nothing known, EventDiffers
    or RefundExceedsEvent; then nothing is recorded.
    """

    unit_of_work: UnitOfWork
    events: Events
    event_awards: EventAwards
    clock: Clock
    audit: Audit

    async def __call__(
        self,
        *,
        id: str,  # noqa: A002  the field's word
        type: str,  # noqa: A002
        participant: str | None = None,
        amount: int | None = None,
        unit: str | None = None,
        of: str | None = None,
        occurred_at: datetime | str | None = None,
        metadata: Mapping[str, str] | None = None,
        caller: Caller = OPERATOR,
    ) -> tuple[RecordedEvent, bool]:
        with self.audit.of_refusals("record-event", caller.user_id, caller.key_id):
            caller.ensure_may(Scope.EVENTS_WRITE)
        checks = Checks()
        with checks.of("id"):
            event_id = EventId.parse(id)
        with checks.of("type"):
            kind = rules.event_type(type)
        with checks.of("amount"):
            rules.ensure_amount(amount, unit, is_refund=type == REFUND)
        refunded = None
        with checks.of("of"):
            if (of is None) == (type == REFUND):
                raise InvalidInput("A refund says which event it is `of`, and no other event does.")
            refunded = None if of is None else EventId.parse(of)
        with checks.of("participant"):
            if participant is None and type != REFUND:
                raise InvalidInput("Whose event is it?")
        time = None
        if occurred_at is not None:
            with checks.of("occurred_at"):
                time = instant(occurred_at)
        with checks.of("metadata"):
            kept = rules.metadata(metadata or {})
        checks.done()
        told = ToldEvent(
            source=caller.source,
            id=event_id,
            type=kind,
            amount=amount,
            unit=unit,
            of=refunded,
            occurred_at=time,
            metadata=kept,
        )
        if participant is not None:
            return await again(self._record, participant_reference(participant), told)
        original = told.of and await self.events.find(told.source, told.of)
        if not original:
            raise EventNotFound
        return await again(self._record, original.event, told)

    async def _record(
        self, whose: ParticipantReference | Event, told: ToldEvent
    ) -> tuple[RecordedEvent, bool]:
        async with self.unit_of_work.begin() as tx:
            participant_id = await _locked(tx, whose, told)
            before = await tx.events.of(participant_id)
            told = told.among(before)
            digest = told.digest(participant_id)
            if any((told.source, told.id) == (known.source, known.id) for known in before):
                return await _known(tx, told, digest), False
            now = self.clock.now()
            event = await tx.events.add(told.event(participant_id, before, now), digest, now)
            decisions = await self.event_awards.of_event(tx, [*before, event], now)
            return RecordedEvent(event, digest, decisions), True


async def _locked(tx: Transaction, whose: ParticipantReference | Event, told: ToldEvent) -> UserId:
    """Who it is; an event that was recorded, or is refunded, is still theirs when they were erased."""
    if isinstance(whose, Event):
        await tx.participants.lock_row(whose.participant_id)
        return whose.participant_id
    try:
        return (await tx.participants.lock(whose)).id
    except ParticipantNotFound:
        known = await tx.events.find(told.source, told.id)
        if known and await _was(tx, known.event.participant_id, whose):
            return known.event.participant_id
        raise


async def _was(tx: Transaction, participant_id: UserId, whose: ParticipantReference) -> bool:
    """Whether someone may have been called so whom nobody is called any more; of who was erased, no external id is kept."""
    if not isinstance(whose, ExternalId):
        return whose == participant_id
    try:
        await tx.participants.find(participant_id)
    except ParticipantNotFound:
        return True
    return False


async def _known(tx: Transaction, told: ToldEvent, digest: bytes) -> RecordedEvent:
    """What came of it the first time; raise EventDiffers where it was another event then."""
    known = await tx.events.find(told.source, told.id)
    if known is None or known.digest != digest:
        raise EventDiffers
    return known

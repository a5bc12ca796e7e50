from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from referral.application.audit import Audit
from referral.application.rewards.ports import RecordedEvent
from referral.application.rewards.record_event import RecordEvent
from referral.application.transaction import UnitOfWork
from referral.domain.access.caller import OPERATOR, Caller, Scope
from referral.domain.errors import DatabaseUnavailable, OutcomeUnknown, ReferralError

Outcome = tuple[RecordedEvent, bool] | ReferralError
"""What came of an event and whether it is new, or why it was refused."""


@dataclass(frozen=True, slots=True)
class RecordEvents:
    """Record events one after the other, each by itself, and give what came of each as soon as it is known.

    An event has the members that `RecordEvent` takes. Once the database does not answer, it is not asked for the rest,
    which is refused. Raises MissingScope, before anything is recorded.
    """

    record_event: RecordEvent
    unit_of_work: UnitOfWork
    audit: Audit

    def __call__(
        self, events: Iterable[Mapping[str, Any]], *, caller: Caller = OPERATOR
    ) -> AsyncIterator[Outcome]:
        with self.audit.of_refusals("record-events", caller.user_id, caller.key_id):
            caller.ensure_may(Scope.EVENTS_WRITE)
        return self._recorded(events, caller)

    async def _recorded(
        self, events: Iterable[Mapping[str, Any]], caller: Caller
    ) -> AsyncIterator[Outcome]:
        is_away = False
        for event in events:
            outcome: Outcome = DatabaseUnavailable()
            if not is_away:
                outcome = await self._outcome(event, caller)
            is_away = is_away or isinstance(outcome, (DatabaseUnavailable, OutcomeUnknown))
            yield outcome

    async def _outcome(self, event: Mapping[str, Any], caller: Caller) -> Outcome:
        try:
            with self.unit_of_work.apart():
                return await self.record_event(**event, caller=caller)
        except ReferralError as refusal:
            return refusal

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from referral.application.rewards.awards import Awards, facts
from referral.application.transaction import Transaction
from referral.domain.programs.referral import Referral
from referral.domain.rewards.decision import Decision
from referral.domain.rewards.event import AHEAD, Event
from referral.domain.rewards.judgement import judge


@dataclass(frozen=True, slots=True)
class EventAwards:
    """Judges what was told of someone, and carries it out; they are locked meanwhile."""

    awards: Awards

    async def of_event(
        self, tx: Transaction, events: Sequence[Event], now: datetime
    ) -> Sequence[Decision]:
        """What the last of someone's events means for their referral, if they have one: the decisions that came of it.

        `events` are all of theirs up to it, and they are locked.
        """
        event = events[-1]
        found = await tx.referrals.under_terms(event.participant_id)
        if found is None:
            return ()
        is_first = len(events) == 1 and not found.terms.qualification.is_sign_up
        rewards = () if is_first else await tx.rewards.of_referral(event.participant_id)
        known = facts(found)
        if found.is_over and event.of is not None:
            told_after_end = await tx.decisions.told_after_end(event.participant_id)
            known = replace(known, told_after_end=told_after_end)
        judgement = judge(found.terms, known, events, rewards, now)
        return await self.awards.carry_out(tx, found, judgement, now, event.number)

    async def of_earlier_events(self, tx: Transaction, referral: Referral) -> bool:
        """What was told of the referee before this referral was made; whether there was something that may count."""
        events = await tx.events.of(referral.referee_id)
        now = referral.created_at
        may_count = (
            n for n, e in enumerate(events, 1) if e.of is None and e.occurred_at >= now - AHEAD
        )
        first = next(may_count, len(events) + 1)
        for number in range(first, len(events) + 1):
            await self.of_event(tx, events[:number], now)
        return first <= len(events)

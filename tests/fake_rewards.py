"""In-memory implementations of the ports of events and rewards, under the same promises as the real ones."""

from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from referral.application.accounts.participant_reference import reference_to
from referral.application.pages import ListPage, ListRequest
from referral.application.rewards.ports import (
    Balance,
    MadeDecision,
    NamedReward,
    PayoutLine,
    RecordedEvent,
    RewardFilter,
)
from referral.domain.accounts.user import UserId
from referral.domain.programs.program import ProgramId, ProgramStatus
from referral.domain.programs.referral import Referral, ReferralStatus
from referral.domain.programs.reward_rules import Side
from referral.domain.programs.terms import Terms
from referral.domain.rewards.caps import Room
from referral.domain.rewards.decision import REFUSALS, Reason
from referral.domain.rewards.errors import EventDiffers, PayoutNotFound, RewardNotFound
from referral.domain.rewards.event import Event, EventId, EventNumber, NewEvent
from referral.domain.rewards.excuses import Turn
from referral.domain.rewards.history import Cohort, History
from referral.domain.rewards.ledger import MOST_HELD, Account, Change, balance_is_full, holdings
from referral.domain.rewards.payout import Payout
from referral.domain.rewards.proof import Case, Difference
from referral.domain.rewards.qualification import Facts
from referral.domain.rewards.reward import PayoutId, Reward, RewardId, RewardStatus
from referral.domain.rewards.taking_back import kept

if TYPE_CHECKING:
    from fakes import Access, Rows


@dataclass(frozen=True)
class InMemoryEvents:
    access: "Access"

    async def find(self, source: str, event_id: EventId) -> RecordedEvent | None:
        rows = self.access.read()
        recorded = rows.events.get((source, event_id))
        if recorded is None:
            return None
        told = recorded.event.number, rows.recorded_at[recorded.event.number]
        made = (m.decision for m in rows.decisions if (m.event, m.at) == told)
        return replace(recorded, decisions=tuple(made))

    async def of(self, participant_id: UserId) -> Sequence[Event]:
        recorded = self.access.read().events.values()
        return [r.event for r in recorded if r.event.participant_id == participant_id]

    async def add(self, event: NewEvent, digest: bytes, now: datetime) -> Event:
        async with self.access.write() as rows:
            if (event.source, event.id) in rows.events:
                raise EventDiffers
            numbered = event.numbered(EventNumber(len(rows.events) + 1))
            rows.events[event.source, event.id] = RecordedEvent(numbered, digest)
            rows.recorded_at[numbered.number] = now
            return numbered

    async def forget_metadata(self, participant_id: UserId) -> None:
        async with self.access.write() as rows:
            for key, recorded in rows.events.items():
                if recorded.event.participant_id == participant_id:
                    event = replace(recorded.event, metadata={})
                    rows.events[key] = replace(recorded, event=event)


@dataclass(frozen=True)
class InMemoryDecisions:
    access: "Access"

    async def add(self, made: Sequence[MadeDecision]) -> None:
        async with self.access.write() as rows:
            rows.decisions.extend(made)

    async def told_after_end(self, referral_id: UserId) -> Collection[EventNumber]:
        return _told_after_end(self.access.read(), referral_id)

    async def of(self, referral_id: UserId, until: datetime) -> Sequence[MadeDecision]:
        made = self.access.read().decisions
        return [m for m in made if m.referral_id == referral_id and m.at <= until]


@dataclass(frozen=True)
class InMemoryRewards:
    access: "Access"

    async def of_referral(self, referral_id: UserId) -> Sequence[Reward]:
        return [r for r in self._rewards if r.referral_id == referral_id]

    async def milestones_of(self, referrer_id: UserId, program_id: ProgramId) -> Sequence[Reward]:
        return [
            r
            for r in self._rewards
            if r.beneficiary_id == referrer_id
            and r.program_id == program_id
            and r.milestone is not None
        ]

    async def room(
        self, referral: Referral, terms: Terms, now: datetime, milestones: Sequence[int] = ()
    ) -> Room:
        rows = self.access.read()
        cap = terms.caps.referrer
        days = cap.per_days if cap else None
        spent: dict[str, int] = defaultdict(int)
        for reward in self._rewards:
            if reward.budgeted and reward.program_id == referral.program_id:
                spent[reward.unit] -= holdings(reward).get(Account.BUDGET, 0)
        units = [budget.unit for budget in terms.caps.budget]
        return Room(
            qualified=sum(
                other.referrer_id == referral.referrer_id
                and other.program_id == referral.program_id
                and other.status == ReferralStatus.QUALIFIED
                for other in rows.referrals
            ),
            rewarded=sum(
                reward.beneficiary_id == referral.referrer_id
                and reward.program_id == referral.program_id
                and reward.to == Side.REFERRER
                and kept(reward, self._rewards) > 0
                and (days is None or reward.created_at > now - timedelta(days))
                for reward in self._rewards
            ),
            spent={unit: spent[unit] for unit in units},
        )

    async def due(
        self, now: datetime, limit: int, but: Collection[RewardId] = ()
    ) -> Sequence[Reward]:
        pending = (r for r in self._rewards if r.status == RewardStatus.PENDING)
        waiting = (r for r in pending if r.due_at <= now and r.id not in but)
        return sorted(waiting, key=lambda reward: reward.due_at)[:limit]

    async def lock(self, reward_id: RewardId) -> Reward:
        for reward in await self.among([reward_id]):
            return reward
        raise RewardNotFound

    async def approved_of(self, beneficiary_id: UserId, unit: str, limit: int) -> Sequence[Reward]:
        return [
            r
            for r in self._rewards
            if r.beneficiary_id == beneficiary_id
            and r.unit == unit
            and r.status == RewardStatus.APPROVED
        ][:limit]

    async def among(self, reward_ids: Sequence[RewardId]) -> Sequence[Reward]:
        return [r for r in self._rewards if r.id in reward_ids]

    async def record(self, changes: Sequence[Change], now: datetime) -> None:
        async with self.access.write() as rows:
            for change in changes:
                rows.rewards[change.after.id] = change.after
            for whose in {change.after.beneficiary_id for change in changes}:
                for of in await self.balances(whose):
                    if of.pending + of.available + of.paid > MOST_HELD:
                        raise balance_is_full()

    async def find(self, reward_id: RewardId) -> NamedReward:
        return _named(self.access.read(), await self.lock(reward_id))

    async def named(self, reward_ids: Sequence[RewardId]) -> Sequence[NamedReward]:
        return [_named(self.access.read(), reward) for reward in await self.among(reward_ids)]

    async def newest(self, wanted: RewardFilter, request: ListRequest) -> ListPage[NamedReward]:
        found = [
            _named(self.access.read(), reward)
            for reward in reversed(self._rewards)
            if (request.cursor is None or reward.id.int < request.cursor)
            and wanted.program_id in (None, reward.program_id)
            and wanted.beneficiary_id in (None, reward.beneficiary_id)
            and wanted.status in (None, reward.status)
        ]
        return ListPage.of(found[: request.limit + 1], request, lambda named: named.reward.id.int)

    async def balances(self, beneficiary_id: UserId) -> Sequence[Balance]:
        sums: dict[str, dict[Account, int]] = defaultdict(lambda: defaultdict(int))
        for reward in self._rewards:
            if reward.beneficiary_id == beneficiary_id:
                of_unit = sums[reward.unit]
                for account, amount in holdings(reward).items():
                    of_unit[account] += amount
        return [
            Balance(
                unit,
                of[Account.PENDING],
                of[Account.AVAILABLE],
                of[Account.PAID],
                -of[Account.RECOVERABLE],
            )
            for unit, of in sorted(sums.items())
        ]

    @property
    def _rewards(self) -> list[Reward]:
        """Oldest first."""
        return sorted(self.access.read().rewards.values(), key=lambda reward: reward.id)


@dataclass(frozen=True)
class InMemoryPayouts:
    access: "Access"

    async def claim(self, reference: str) -> Payout | None:
        payouts = self.access.read().payouts.values()
        return next((p for p in payouts if p.reference == reference), None)

    async def add(self, payout: Payout) -> None:
        async with self.access.write() as rows:
            rows.payouts[payout.id] = payout

    async def find(self, payout_id: PayoutId) -> Payout:
        payouts = self.access.read().payouts
        if payout_id not in payouts:
            raise PayoutNotFound
        return payouts[payout_id]

    async def newest(self, request: ListRequest) -> ListPage[Payout]:
        payouts = sorted(self.access.read().payouts.values(), key=lambda p: p.id, reverse=True)
        found = [p for p in payouts if request.cursor is None or p.id.int < request.cursor]
        return ListPage.of(found[: request.limit + 1], request, lambda payout: payout.id.int)

    async def lines(self, after: PayoutId | None, limit: int) -> Sequence[PayoutLine]:
        rows = self.access.read()
        payouts = sorted(p for p in rows.payouts if after is None or p > after)[:limit]
        sums: dict[tuple[PayoutId, UserId], int] = defaultdict(int)
        for reward in rows.rewards.values():
            if reward.payout_id in payouts:
                sums[reward.payout_id, reward.beneficiary_id] += reward.amount
        return [
            PayoutLine(rows.payouts[payout_id], _reference(rows, whose), amount)
            for (payout_id, whose), amount in sorted(sums.items())
        ]


def _named(rows: "Rows", reward: Reward) -> NamedReward:
    program = next(p for p in rows.programs.values() if p.id == reward.program_id)
    return NamedReward(reward, program.slug, _reference(rows, reward.beneficiary_id))


def _reference(rows: "Rows", user_id: UserId) -> str:
    known = rows.participants.get(user_id)
    return reference_to(user_id, known.external_id if known else None)


@dataclass(frozen=True)
class InMemoryBooks:
    """The fake keeps no entries: they are what the rewards hold, and all sums are right."""

    access: "Access"

    @asynccontextmanager
    async def open(self) -> AsyncIterator["InMemoryBooks"]:
        yield self

    async def events(self) -> int:
        return len(self.access.read().events)

    async def cases(self, after: UserId | None, limit: int) -> Sequence[Case]:
        rows = self.access.read()
        looked_at = {
            *(recorded.event.participant_id for recorded in rows.events.values()),
            *(reward.referral_id for reward in rows.rewards.values()),
            *(made.referral_id for made in rows.decisions),
        }
        found = sorted(
            (r for r in rows.referrals if r.referee_id in looked_at), key=lambda r: r.referee_id
        )
        return [
            _case(rows, referral)
            for referral in found
            if after is None or referral.referee_id > after
        ][:limit]

    async def turns(self, referral_ids: Sequence[UserId]) -> Sequence[Turn]:
        return [
            Turn(made.referral_id, made.decision.rule, made.decision.reason, made.event)
            for made in self.access.read().decisions
            if made.referral_id in referral_ids
            and made.decision.reason in {*REFUSALS, Reason.QUALIFIED}
        ]

    async def size(self, cohort: Cohort, most: int | None) -> int:
        found = [h async for share in self.histories(cohort, 1) for h in share]
        size = len(found) + sum(len(history.events) for history in found)
        return size if most is None else min(size, most)

    async def histories(self, cohort: Cohort, at_a_time: int) -> AsyncIterator[Sequence[History]]:
        rows = self.access.read()
        found = [
            _history(rows, referral)
            for referral in rows.referrals
            if referral.program_id == cohort.program_id
            and (cohort.since is None or referral.created_at >= cohort.since)
            and (cohort.until is None or referral.created_at < cohort.until)
        ]
        for first in range(0, len(found), at_a_time):
            yield found[first : first + at_a_time]

    async def sums(self) -> AsyncIterator[Difference]:
        for nothing in ():
            yield nothing


def _told_after_end(rows: "Rows", referral_id: UserId) -> Collection[EventNumber]:
    late = {
        m.event
        for m in rows.decisions
        if m.referral_id == referral_id and m.event and m.decision.reason == Reason.PROGRAM_ENDED
    }
    return late or ()


def _history(rows: "Rows", referral: Referral) -> History:
    events = [
        recorded.event
        for recorded in rows.events.values()
        if recorded.event.participant_id == referral.referee_id
    ]
    return History(
        referral=referral,
        events=events,
        recorded_at=[rows.recorded_at[event.number] for event in events],
        referrer_erased_at=rows.erased.get(referral.referrer_id),
        told_after_end=_told_after_end(rows, referral.referee_id),
    )


def _case(rows: "Rows", referral: Referral) -> Case:
    program = next(p for p in rows.programs.values() if p.id == referral.program_id)
    mine = [r for r in rows.rewards.values() if r.referral_id == referral.referee_id]
    told = (recorded.event for recorded in rows.events.values())
    return Case(
        referral_id=referral.referee_id,
        referrer_id=referral.referrer_id,
        program_id=referral.program_id,
        terms_version=referral.terms_version,
        terms=rows.terms[program.slug][referral.terms_version - 1].terms,
        facts=Facts(
            referred_at=referral.created_at,
            status=referral.status,
            qualified_at=referral.qualified_at,
            is_over=program.status == ProgramStatus.ENDED,
            told_after_end=_told_after_end(rows, referral.referee_id),
        ),
        events=[event for event in told if event.participant_id == referral.referee_id],
        rewards=sorted(mine, key=lambda reward: reward.id),
        entries={reward.id: holdings(reward) for reward in mine},
    )

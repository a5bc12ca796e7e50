"""What the use cases of events and rewards need of the outside, and what they may count on."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from referral.application.pages import ListPage, ListRequest
from referral.domain.accounts.user import UserId
from referral.domain.programs.program import ProgramId, Slug
from referral.domain.programs.referral import Referral, ReferralStatus
from referral.domain.programs.terms import Terms, TermsVersion
from referral.domain.rewards.caps import Room
from referral.domain.rewards.decision import QUALIFICATION, Decision
from referral.domain.rewards.event import Event, EventId, EventNumber, NewEvent
from referral.domain.rewards.ledger import Change
from referral.domain.rewards.payout import Payout
from referral.domain.rewards.reward import PayoutId, Reward, RewardId, RewardStatus


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """An event, a digest of what the server told, and the decisions that came of it; none where nobody was referred."""

    event: Event
    digest: bytes
    decisions: Sequence[Decision] = ()

    @property
    def status(self) -> ReferralStatus | None:
        """How the referral stood then, if there is one."""
        outcomes = (d.outcome for d in self.decisions if d.own_rule == QUALIFICATION)
        return next(map(ReferralStatus, outcomes), None)


class Events(Protocol):
    async def find(self, source: str, event_id: EventId) -> RecordedEvent | None:
        """What was recorded under this id, and what came of it then."""

    async def of(self, participant_id: UserId) -> Sequence[Event]:
        """All events of someone, refunds among them."""

    async def add(self, event: NewEvent, digest: bytes, now: datetime) -> Event:
        """Store it; raise EventDiffers when its id was taken meanwhile, for an event of someone else."""

    async def forget_metadata(self, participant_id: UserId) -> None:
        """Forget what servers keep with someone's events."""


@dataclass(frozen=True, slots=True)
class MadeDecision:
    """A decision about a referral under its terms, when it was made, and by which event.

    By no event at a sign-up, when time has passed, or by hand.
    """

    referral_id: UserId
    terms_version: TermsVersion
    decision: Decision
    at: datetime
    event: EventNumber | None = None


class Decisions(Protocol):
    """Decisions never change."""

    async def add(self, made: Sequence[MadeDecision]) -> None:
        """Store them, in this order."""

    async def told_after_end(self, referral_id: UserId) -> Collection[EventNumber]:
        """The events of a referral that changed nothing, because its program had ended."""

    async def of(self, referral_id: UserId, until: datetime) -> Sequence[MadeDecision]:
        """Those about a referral until then, in the order in which they were made."""


@dataclass(frozen=True, slots=True)
class NamedReward:
    """A reward with what its parts are called by."""

    reward: Reward
    program: Slug
    beneficiary: str


@dataclass(frozen=True, slots=True)
class RewardFilter:
    """Which rewards to list: those of which all that is given is true."""

    program_id: ProgramId | None = None
    beneficiary_id: UserId | None = None
    status: RewardStatus | None = None


class Balance(NamedTuple):
    """What the accounts of a participant hold in one unit; `recoverable` is what they owe."""

    unit: str
    pending: int = 0
    available: int = 0
    paid: int = 0
    recoverable: int = 0


class Rewards(Protocol):
    """What is found by a transaction is its own until it ends: nobody else changes it."""

    async def of_referral(self, referral_id: UserId) -> Sequence[Reward]:
        """Every reward that came of a referral, oldest first."""

    async def milestones_of(self, referrer_id: UserId, program_id: ProgramId) -> Sequence[Reward]:
        """A referrer's rewards for milestones of a program, and what recovers them."""

    async def room(
        self, referral: Referral, terms: Terms, now: datetime, milestones: Sequence[int] = ()
    ) -> Room:
        """What claims are held against: budgets, which nobody else spends until the transaction ends, and counts.

        Nobody else changes those while the referrer is locked. They are exact as far as the terms' caps and
        milestones go, and these.
        """

    async def due(
        self, now: datetime, limit: int, but: Collection[RewardId] = ()
    ) -> Sequence[Reward]:
        """Pending rewards whose time has come, of at most so many, that nobody else is looking at; none of `but`."""

    async def lock(self, reward_id: RewardId) -> Reward:
        """Raise RewardNotFound."""

    async def approved_of(self, beneficiary_id: UserId, unit: str, limit: int) -> Sequence[Reward]:
        """What can be paid to someone in a unit, oldest first; what is to be recovered is among it."""

    async def among(self, reward_ids: Sequence[RewardId]) -> Sequence[Reward]:
        """Those of these that there are."""

    async def record(self, changes: Sequence[Change], now: datetime) -> None:
        """Store what became of rewards, with the entries of the ledger; balances and budgets follow.

        Raise InvalidInput where someone would have more than MOST_HELD.
        """

    async def find(self, reward_id: RewardId) -> NamedReward:
        """Raise RewardNotFound."""

    async def named(self, reward_ids: Sequence[RewardId]) -> Sequence[NamedReward]:
        """Those of these that there are."""

    async def newest(self, wanted: RewardFilter, request: ListRequest) -> ListPage[NamedReward]:
        """Those that are wanted, newest first, at the same cost however many there are."""

    async def balances(self, beneficiary_id: UserId) -> Sequence[Balance]:
        """What someone's accounts hold, by unit."""


@dataclass(frozen=True, slots=True)
class PayoutLine:
    """What one participant gets by a payout."""

    payout: Payout
    beneficiary: str
    amount: int


class Payouts(Protocol):
    async def claim(self, reference: str) -> Payout | None:
        """The payout with this reference; where there is none, nobody else makes one until the transaction ends."""

    async def add(self, payout: Payout) -> None:
        """Store it."""

    async def find(self, payout_id: PayoutId) -> Payout:
        """Raise PayoutNotFound."""

    async def newest(self, request: ListRequest) -> ListPage[Payout]:
        """Payouts, newest first."""

    async def lines(self, after: PayoutId | None, limit: int) -> Sequence[PayoutLine]:
        """What is paid to whom, payout by payout, oldest first: of so many payouts after this one."""

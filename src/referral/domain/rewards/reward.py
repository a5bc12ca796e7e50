"""Rewards: what someone gets for a referral, and how it comes to be paid.

pending → approved → paid, or held → pending | rejected, or reversed. What was paid is never changed: where it should not
have been, a negative reward recovers it.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import NewType, Self
from uuid import UUID

from referral.domain.accounts.user import UserId
from referral.domain.programs.program import ProgramId
from referral.domain.programs.reward_rules import Side
from referral.domain.programs.terms import TermsVersion
from referral.domain.rewards.errors import RewardIsSettled
from referral.domain.rewards.event import EventNumber
from referral.domain.words import Word

RewardId = NewType("RewardId", UUID)
PayoutId = NewType("PayoutId", UUID)


class RewardStatus(Word):
    PENDING = "pending"
    HELD = "held"
    APPROVED = "approved"
    PAID = "paid"
    REJECTED = "rejected"
    REVERSED = "reversed"

    @property
    def counts(self) -> bool:
        """Whether a reward like this was given, and not taken back since."""
        # Not by a set: the ledger's proof asks of every reward, several times.
        return self is not RewardStatus.REJECTED and self is not RewardStatus.REVERSED


@dataclass(frozen=True, slots=True, kw_only=True)
class Reward:
    """So much for someone, by one rule of the terms; a negative one recovers what was paid.

    `cause` is the event that brought it, none for a sign-up, and `shared` the event that it is a share of. A reward for
    a milestone knows how many referrals that took. It is approved at `due_at`.
    """

    id: RewardId
    referral_id: UserId
    program_id: ProgramId
    terms_version: TermsVersion
    rule: str
    to: Side
    beneficiary_id: UserId
    amount: int
    unit: str
    status: RewardStatus
    created_at: datetime
    due_at: datetime
    cause: EventNumber | None = None
    shared: EventNumber | None = None
    milestone: int | None = None
    recovers: RewardId | None = None
    budgeted: bool = False
    payout_id: PayoutId | None = None

    def approve(self) -> Self:
        """Let it be paid; a held one goes on waiting for its time. Raise RewardIsSettled."""
        if self.status == RewardStatus.HELD:
            return self._become(RewardStatus.PENDING)
        return self._become(RewardStatus.APPROVED)

    def hold(self) -> Self:
        """Keep it until someone has looked; raise RewardIsSettled."""
        return self._become(RewardStatus.HELD)

    def reject(self) -> Self:
        """Refuse it for good; raise RewardIsSettled."""
        return self._become(RewardStatus.REJECTED)

    def pay(self, payout_id: PayoutId) -> Self:
        """Raise RewardIsSettled unless it is approved."""
        if self.status != RewardStatus.APPROVED:
            raise RewardIsSettled(f"The reward {self.id} is {self.status}, and not approved.")
        return replace(self, status=RewardStatus.PAID, payout_id=payout_id)

    def less(self, amount: int) -> Self:
        """What is left of one that was not paid when so much of it is taken back."""
        if amount == self.amount:
            return replace(self, status=RewardStatus.REVERSED)
        return replace(self, amount=self.amount - amount)

    def recovery(
        self, new_id: RewardId, amount: int, cause: EventNumber | None, at: datetime
    ) -> Self:
        """The negative reward by which so much of a paid one is to be recovered."""
        return replace(
            self,
            id=new_id,
            amount=-amount,
            status=RewardStatus.APPROVED,
            created_at=at,
            due_at=at,
            cause=cause,
            recovers=self.id,
            payout_id=None,
        )

    def _become(self, status: RewardStatus) -> Self:
        if self.status == status:
            return self
        if not self.status.counts or self.status == RewardStatus.PAID:
            raise RewardIsSettled(f"The reward is {self.status}.")
        if self.recovers is not None:
            raise RewardIsSettled("What is to be recovered stays so until a payout takes it off.")
        return replace(self, status=status)

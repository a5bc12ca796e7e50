import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from referral.application.accounts.participant_reference import (
    ParticipantReference,
    participant_reference,
)
from referral.application.again import again
from referral.application.audit import Audit
from referral.application.ports import Clock, Randomness
from referral.application.rewards.awards import made
from referral.application.rewards.bookkeeping import Bookkeeping
from referral.application.transaction import Transaction, UnitOfWork
from referral.domain.access.caller import OPERATOR, Caller, Scope
from referral.domain.errors import Checks, InvalidInput
from referral.domain.programs.term_values import unit_name
from referral.domain.rewards import payout as rules
from referral.domain.rewards.decision import Outcome, Reason
from referral.domain.rewards.errors import PayoutDiffers, RewardNotFound
from referral.domain.rewards.ledger import Change
from referral.domain.rewards.payout import MOST_REWARDS, Payout
from referral.domain.rewards.reward import PayoutId, Reward, RewardId


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be paid: all that is approved of a participant, or these rewards."""

    reference: str
    unit: str
    participant: ParticipantReference | None
    rewards: Sequence[RewardId]

    @property
    def digest(self) -> bytes:
        content = [self.unit, str(self.participant), sorted(map(str, self.rewards))]
        return hashlib.sha256(json.dumps(content).encode()).digest()


@dataclass(frozen=True, slots=True)
class MakePayout:
    """Mark approved rewards of one unit as paid, all of them or none, and tell whether the payout is new.

    It pays what is approved of a participant, less what is to be recovered; or the rewards that are named. It pays
    1,000 of them at most: of a participant who has more, they are named. With the same reference again it is the same
    payout.

    Raises MissingScope, InvalidInput, ParticipantNotFound, RewardNotFound, RewardIsSettled, NothingToPay or
    PayoutDiffers; then nothing is paid.
    """

    unit_of_work: UnitOfWork
    bookkeeping: Bookkeeping
    randomness: Randomness
    clock: Clock
    audit: Audit

    async def __call__(
        self,
        *,
        reference: str,
        unit: str,
        participant: str | None = None,
        rewards: Sequence[UUID] | None = None,
        caller: Caller = OPERATOR,
    ) -> tuple[Payout, bool]:
        with self.audit.by(caller, "make-payout"):
            caller.ensure_may(Scope.REWARDS_WRITE)
            checks = Checks()
            with checks.of("reference"):
                called = rules.reference(reference)
            with checks.of("unit"):
                named = unit_name(unit)
            with checks.of("rewards"):
                if (participant is None) == (rewards is None):
                    raise InvalidInput("A payout is of a participant, or of these rewards.")
                if rewards is not None and not 1 <= len(set(rewards)) <= MOST_REWARDS:
                    raise InvalidInput(f"A payout pays from 1 to {MOST_REWARDS} rewards.")
            checks.done()
            whose = None if participant is None else participant_reference(participant)
            ids = [*map(RewardId, dict.fromkeys(rewards or ()))]
            return await again(self._pay, Asked(called, named, whose, ids))

    async def _pay(self, asked: Asked) -> tuple[Payout, bool]:
        async with self.unit_of_work.begin() as tx:
            known = await tx.payouts.claim(asked.reference)
            if known is not None:
                if known.asked != asked.digest:
                    raise PayoutDiffers
                return known, False
            found = await self._asked_for(tx, asked)
            now = self.clock.now()
            payout = Payout(
                id=PayoutId(self.randomness.new_id()),
                reference=asked.reference,
                unit=asked.unit,
                amount=rules.total(found, asked.unit),
                rewards=len(found),
                asked=asked.digest,
                created_at=now,
            )
            changes = [Change(reward, reward.pay(payout.id)) for reward in found]
            await tx.payouts.add(payout)
            await self.bookkeeping.record(tx, changes, now)
            await tx.decisions.add(
                [
                    made(c.after, Outcome.PAID, Reason.PAYOUT, now, reference=asked.reference)
                    for c in changes
                ]
            )
            return payout, True

    @staticmethod
    async def _asked_for(tx: Transaction, asked: Asked) -> Sequence[Reward]:
        if asked.participant is None:
            found = await tx.rewards.among(asked.rewards)
            if len(found) != len(asked.rewards):
                raise RewardNotFound
            return found
        # Not locked: an event locks a referral's rewards before its referrer, and the rewards are enough.
        participant = await tx.participants.find(asked.participant)
        found = await tx.rewards.approved_of(participant.id, asked.unit, MOST_REWARDS + 1)
        if len(found) > MOST_REWARDS:
            raise InvalidInput(f"A payout pays at most {MOST_REWARDS} rewards: name some.")
        return found

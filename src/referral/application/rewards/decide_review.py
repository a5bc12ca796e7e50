from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from referral.application.again import again
from referral.application.audit import Audit
from referral.application.ports import Clock
from referral.application.programs.ports import NamedReferral, ReferralUnderTerms
from referral.application.rewards.awards import Awards, about
from referral.application.rewards.ports import MadeDecision
from referral.application.transaction import Transaction, UnitOfWork
from referral.application.webhooks.messages import referral_released
from referral.domain.access.caller import OPERATOR, Caller, Scope
from referral.domain.accounts.user import UserId
from referral.domain.errors import Checks
from referral.domain.programs.errors import ReferralNotFound
from referral.domain.programs.referral import Referral, ReferralStatus
from referral.domain.rewards.decision import REVIEW, Decision, Outcome, Reason, given_reason
from referral.domain.rewards.judgement import Judgement
from referral.domain.rewards.ledger import Change
from referral.domain.rewards.qualification import Standing
from referral.domain.rewards.reward import Reward, RewardStatus
from referral.domain.rewards.taking_back import too_much
from referral.domain.webhooks.message import MessageType
from referral.domain.words import Word


class ReviewVerdict(Word):
    """What someone may say of a referral that is held."""

    RELEASE = "release"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class DecideReview:
    """Release a referral that is held, or reject it, and say why.

    Once it is released, its held rewards wait for their time. Once it is rejected, it gets none any more: those that
    are held are rejected, others are taken back, and what was paid is to be recovered.

    Raises MissingScope, InvalidInput, ReferralNotFound or ReferralNotHeld.
    """

    unit_of_work: UnitOfWork
    awards: Awards
    clock: Clock
    audit: Audit

    async def __call__(
        self, *, referral_id: UUID, verdict: str, reason: str, caller: Caller = OPERATOR
    ) -> NamedReferral:
        with self.audit.by(caller, f"{verdict}-referral") as deed:
            caller.ensure_may(Scope.REWARDS_WRITE)
            deed.other_user_id = referee_id = UserId(referral_id)
            checks = Checks()
            with checks.of("verdict"):
                parsed = ReviewVerdict.parse(verdict)
            with checks.of("reason"):
                given_reason(reason, is_needed=True)
            checks.done()
            is_released = parsed is ReviewVerdict.RELEASE
            decision = Decision(
                rule=REVIEW,
                outcome=Outcome.RELEASED if is_released else Outcome.REJECTED,
                reason=Reason.BY_HAND,
                inputs={"by": str(caller), "because": reason},
            )
            return await again(self._decide, referee_id, decision)

    async def _decide(self, referee_id: UserId, decision: Decision) -> NamedReferral:
        async with self.unit_of_work.begin() as tx:
            await tx.participants.lock_row(referee_id)
            found = await tx.referrals.under_terms(referee_id)
            if found is None:
                raise ReferralNotFound
            found = replace(found, referral=found.referral.released())
            await tx.referrals.save(found.referral)
            now = self.clock.now()
            is_released = decision.outcome == Outcome.RELEASED
            rewards = await tx.rewards.of_referral(referee_id)
            held = [reward for reward in rewards if reward.status == RewardStatus.HELD]
            decided = [r.approve() if is_released else r.reject() for r in held]
            if held:
                await self.awards.bookkeeping.record(tx, [*map(Change, held, decided)], now)
            decisions = [decision, *(_about(reward, decision) for reward in decided)]
            if is_released:
                await self._released(tx, found.referral, decisions, now)
            else:
                rest = [reward for reward in rewards if reward.status != RewardStatus.HELD]
                await self._rejected(tx, found, rest, decisions, now)
            return await tx.referrals.find(referee_id)

    async def _released(
        self, tx: Transaction, referral: Referral, decisions: Sequence[Decision], now: datetime
    ) -> None:
        await tx.decisions.add(
            [MadeDecision(referral.referee_id, referral.terms_version, d, now) for d in decisions]
        )
        if self.awards.listeners.may_hear(MessageType.REFERRAL_RELEASED):
            named = await tx.referrals.find(referral.referee_id)
            await tx.outbox.add(referral_released(named, now))

    async def _rejected(
        self,
        tx: Transaction,
        found: ReferralUnderTerms,
        rewards: Sequence[Reward],
        decisions: Sequence[Decision],
        now: datetime,
    ) -> None:
        """Take back what is left of the rewards that were not held."""
        judgement = Judgement(
            Standing(ReferralStatus.REJECTED),
            decisions,
            take_backs=[*too_much(rewards, {}, Reason.QUALIFICATION_UNDONE)],
        )
        await self.awards.carry_out(tx, found, judgement, now)


def _about(reward: Reward, verdict: Decision) -> Decision:
    """What became of a reward that was held with its referral, for the same reason."""
    by = {name: str(value) for name, value in verdict.inputs.items()}
    return about(reward, Outcome(reward.status), verdict.reason, **by)

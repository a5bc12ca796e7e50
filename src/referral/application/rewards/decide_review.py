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
    are held are rejected, others are taken back, and what was paid is to be recovered. A milestone that others still
    reach stays the referrer's, and waits for its time.

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
            if decision.outcome == Outcome.RELEASED:
                await self._released(tx, found.referral, decision, now)
            else:
                await self._rejected(tx, found, decision, now)
            return await tx.referrals.find(referee_id)

    async def _released(
        self, tx: Transaction, referral: Referral, decision: Decision, now: datetime
    ) -> None:
        await tx.decisions.add([_made(referral, decision, now)])
        await self._release_rewards(tx, referral, decision, now)
        if self.awards.listeners.may_hear(MessageType.REFERRAL_RELEASED):
            named = await tx.referrals.find(referral.referee_id)
            await tx.outbox.add(referral_released(named, now))

    async def _rejected(
        self, tx: Transaction, found: ReferralUnderTerms, decision: Decision, now: datetime
    ) -> None:
        """Whether a milestone is lost is for the referrals that are left to say, not for this one."""
        rewards = await tx.rewards.of_referral(found.referral.referee_id)
        held = [r for r in rewards if r.status == RewardStatus.HELD and r.milestone is None]
        rest = [r for r in rewards if r not in held]
        rejected = [Change(r, r.reject()) for r in held]
        judgement = Judgement(
            Standing(ReferralStatus.REJECTED),
            [decision, *(_about(change.after, decision) for change in rejected)],
            take_backs=[*too_much(rest, {}, Reason.QUALIFICATION_UNDONE)],
        )
        await self.awards.carry_out(tx, found, judgement, now, decided=rejected)
        await self._release_rewards(tx, found.referral, decision, now)

    async def _release_rewards(
        self, tx: Transaction, referral: Referral, verdict: Decision, now: datetime
    ) -> None:
        rewards = await tx.rewards.of_referral(referral.referee_id)
        held = [reward for reward in rewards if reward.status == RewardStatus.HELD]
        if held:
            released = [Change(reward, reward.approve()) for reward in held]
            await self.awards.bookkeeping.record(tx, released, now)
            decisions = [_about(change.after, verdict) for change in released]
            await tx.decisions.add([_made(referral, decision, now) for decision in decisions])


def _made(referral: Referral, decision: Decision, now: datetime) -> MadeDecision:
    return MadeDecision(referral.referee_id, referral.terms_version, decision, now)


def _about(reward: Reward, verdict: Decision) -> Decision:
    """What became of a reward that was held with its referral, for the same reason."""
    by = {name: str(value) for name, value in verdict.inputs.items()}
    return about(reward, Outcome(reward.status), verdict.reason, **by)

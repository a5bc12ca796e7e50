from dataclasses import dataclass
from uuid import UUID

from referral.application.again import again
from referral.application.audit import Audit
from referral.application.ports import Clock
from referral.application.rewards.awards import made
from referral.application.rewards.bookkeeping import Bookkeeping
from referral.application.rewards.ports import NamedReward
from referral.application.transaction import UnitOfWork
from referral.domain.access.caller import OPERATOR, Caller, Scope
from referral.domain.errors import Checks
from referral.domain.rewards.decision import Outcome, Reason, given_reason
from referral.domain.rewards.ledger import Change
from referral.domain.rewards.reward import Reward, RewardId
from referral.domain.words import Word


class RewardVerdict(Word):
    """What someone may say of a reward."""

    APPROVE = "approve"
    HOLD = "hold"
    REJECT = "reject"

    def on(self, reward: Reward) -> Reward:
        """Raise RewardIsSettled."""
        match self:
            case RewardVerdict.APPROVE:
                return reward.approve()
            case RewardVerdict.HOLD:
                return reward.hold()
        return reward.reject()


@dataclass(frozen=True, slots=True)
class DecideReward:
    """Approve a reward before its time, hold it until someone has looked, or reject it, and say why.

    Approving one that is held lets it wait for its time again. The same again changes nothing. Raises MissingScope,
    InvalidInput, RewardNotFound or RewardIsSettled.
    """

    unit_of_work: UnitOfWork
    bookkeeping: Bookkeeping
    clock: Clock
    audit: Audit

    async def __call__(
        self,
        *,
        reward_id: UUID,
        verdict: str,
        reason: str = "",
        caller: Caller = OPERATOR,
    ) -> NamedReward:
        with self.audit.by(caller, f"{verdict}-reward"):
            caller.ensure_may(Scope.REWARDS_WRITE)
            checks = Checks()
            with checks.of("verdict"):
                parsed = RewardVerdict.parse(verdict)
            with checks.of("reason"):
                given_reason(reason, is_needed=verdict != RewardVerdict.APPROVE)
            checks.done()
            return await again(self._decide, RewardId(reward_id), parsed, reason, str(caller))

    async def _decide(
        self, reward_id: RewardId, verdict: RewardVerdict, reason: str, by: str
    ) -> NamedReward:
        async with self.unit_of_work.begin() as tx:
            reward = await tx.rewards.lock(reward_id)
            change = Change(reward, verdict.on(reward))
            if change.after != reward:
                now = self.clock.now()
                await self.bookkeeping.record(tx, [change], now)
                outcome = Outcome(change.after.status)
                await tx.decisions.add(
                    [made(change.after, outcome, Reason.BY_HAND, now, by=by, because=reason)]
                )
            return await tx.rewards.find(reward_id)

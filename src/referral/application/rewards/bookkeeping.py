from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from referral.application.transaction import Transaction
from referral.application.webhooks.messages import reward_became
from referral.application.webhooks.ports import Listeners
from referral.domain.rewards.ledger import Change
from referral.domain.rewards.reward import RewardStatus
from referral.domain.webhooks.message import MessageType

_STATUSES = {
    RewardStatus.APPROVED: MessageType.REWARD_APPROVED,
    RewardStatus.PAID: MessageType.REWARD_PAID,
    RewardStatus.REJECTED: MessageType.REWARD_REJECTED,
    RewardStatus.REVERSED: MessageType.REWARD_REVERSED,
}


@dataclass(frozen=True, slots=True)
class Bookkeeping:
    """Stores what becomes of rewards, and tells the endpoints that hear of it."""

    listeners: Listeners

    async def record(self, tx: Transaction, changes: Sequence[Change], now: datetime) -> None:
        """All of it in this transaction; what nobody hears of costs no query."""
        await tx.rewards.record(changes, now)
        told = [(kind, change.after.id) for change in changes for kind in _kinds(change)]
        if told and self.listeners.may_hear(*(kind for kind, _ in told)):
            found = await tx.rewards.named([reward_id for _, reward_id in told])
            named = {one.reward.id: one for one in found}
            await tx.outbox.add(
                *(reward_became(named[reward_id], kind, now) for kind, reward_id in told)
            )


def _kinds(change: Change) -> Sequence[MessageType]:
    """What there is to tell of a change; nothing where a reward is held, or waits for its time again."""
    before, after = change.before, change.after
    if before is None:
        is_approved = after.status == RewardStatus.APPROVED and after.recovers is None
        created = MessageType.REWARD_CREATED
        return [created, MessageType.REWARD_APPROVED] if is_approved else [created]
    if after.amount < before.amount:
        return [MessageType.REWARD_REVERSED]
    return [_STATUSES[after.status]] if after.status in _STATUSES else []

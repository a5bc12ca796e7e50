"""What is taken back of rewards that are no longer deserved."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from referral.domain.rewards.decision import Reason
from referral.domain.rewards.entitlement import Purpose
from referral.domain.rewards.reward import Reward, RewardStatus


@dataclass(frozen=True, slots=True)
class TakeBack:
    """So much of a reward; of a paid one it is to be recovered."""

    reward: Reward
    amount: int
    reason: Reason


def given(rewards: Iterable[Reward]) -> defaultdict[Purpose, int]:
    """What was given for each purpose, less what was taken back or is to be recovered."""
    had: defaultdict[Purpose, int] = defaultdict(int)
    for reward in rewards:
        if reward.status.counts and reward.milestone is None:
            had[reward.rule, reward.shared] += reward.amount
    return had


def too_much(
    rewards: Iterable[Reward], worth: Mapping[Purpose, int], reason: Reason
) -> Iterator[TakeBack]:
    """What was given beyond what a referral is worth; what is not paid goes first."""
    rewards = [*rewards]
    had = given(rewards)
    for reward in sorted(
        rewards, key=lambda r: (r.status == RewardStatus.PAID, r.created_at, r.id)
    ):
        purpose = reward.rule, reward.shared
        excess = had[purpose] - worth.get(purpose, 0)
        if reward.milestone is None and excess > 0:
            amount = min(excess, kept(reward, rewards))
            if amount > 0:
                had[purpose] -= amount
                yield TakeBack(reward, amount, reason)


def lost_milestones(rewards: Iterable[Reward], qualified: int) -> Iterator[TakeBack]:
    """What a referrer no longer deserves of their milestones, now that so many referrals are qualified."""
    rewards = [*rewards]
    for reward in rewards:
        left = kept(reward, rewards)
        if left and reward.milestone is not None and is_lost(reward.milestone, qualified):
            yield TakeBack(reward, left, Reason.QUALIFICATION_UNDONE)


def is_lost(milestone: int, qualified: int) -> bool:
    """Whether a milestone is no longer reached."""
    return milestone > qualified


def kept(reward: Reward, rewards: Iterable[Reward]) -> int:
    """What a reward is still worth after what is to be recovered of it; nothing, for one that recovers."""
    if not reward.status.counts or reward.recovers is not None:
        return 0
    recovered = (r.amount for r in rewards if r.recovers == reward.id and r.status.counts)
    return reward.amount + sum(recovered)

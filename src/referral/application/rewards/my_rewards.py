from dataclasses import dataclass

from referral.application.pages import DEFAULT_SIZE, ListPage, ListRequest
from referral.application.rewards.ports import NamedReward, RewardFilter, Rewards
from referral.domain.access.caller import Caller


@dataclass(frozen=True, slots=True)
class MyRewards:
    """The rewards of the person who asks, newest first. Raises PersonNeeded or InvalidInput."""

    rewards: Rewards

    async def __call__(
        self, *, caller: Caller, limit: int = DEFAULT_SIZE, cursor: int | None = None
    ) -> ListPage[NamedReward]:
        request = ListRequest.of(limit=limit, cursor=cursor)
        return await self.rewards.newest(RewardFilter(beneficiary_id=caller.person_id), request)

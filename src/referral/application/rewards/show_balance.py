from collections.abc import Sequence
from dataclasses import dataclass

from referral.application.accounts.participant_reference import participant_reference
from referral.application.accounts.ports import Participants
from referral.application.rewards.ports import Balance, Rewards
from referral.domain.access.caller import OPERATOR, Caller, Scope


@dataclass(frozen=True, slots=True)
class ShowBalance:
    """What is pending, available, paid and to be recovered of someone, by unit; of who calls, if no participant is named.

    Raises MissingScope, ParticipantNotFound, or PersonNeeded.
    """

    rewards: Rewards
    participants: Participants

    async def __call__(
        self, *, participant: str | None = None, caller: Caller = OPERATOR
    ) -> Sequence[Balance]:
        if participant is None:
            return await self.rewards.balances(caller.person_id)
        caller.ensure_may(Scope.REWARDS_READ)
        found = await self.participants.find(participant_reference(participant))
        return await self.rewards.balances(found.id)

from dataclasses import dataclass

from referral.application.accounts.ports import Participants
from referral.domain.access.caller import OPERATOR, Caller, Scope


@dataclass(frozen=True, slots=True)
class IsAnybodyHere:
    """Whether anybody takes part, or did before they were erased; raise MissingScope."""

    participants: Participants

    async def __call__(self, *, caller: Caller = OPERATOR) -> bool:
        caller.ensure_may(Scope.PARTICIPANTS_READ)
        return await self.participants.are_there_any()

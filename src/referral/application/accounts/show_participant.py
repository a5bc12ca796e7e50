from dataclasses import dataclass

from referral.application.accounts.participant_reference import participant_reference
from referral.application.accounts.ports import Participants
from referral.domain.access.caller import OPERATOR, Caller, Scope
from referral.domain.accounts.user import Participant


@dataclass(frozen=True, slots=True)
class ShowParticipant:
    """Someone by a server's own id for them, or by `user:` and ours; raise MissingScope or ParticipantNotFound."""

    participants: Participants

    async def __call__(self, *, participant: str, caller: Caller = OPERATOR) -> Participant:
        caller.ensure_may(Scope.PARTICIPANTS_READ)
        return await self.participants.find(participant_reference(participant))

from dataclasses import dataclass

from referral.application.accounts.participant_reference import participant_reference
from referral.application.accounts.ports import Participants
from referral.application.pages import DEFAULT_SIZE, ListPage, ListRequest
from referral.application.programs.known_programs import KnownPrograms
from referral.application.rewards.ports import NamedReward, RewardFilter, Rewards
from referral.domain.access.caller import OPERATOR, Caller, Scope
from referral.domain.errors import Checks
from referral.domain.rewards.reward import RewardStatus


@dataclass(frozen=True, slots=True)
class FindRewards:
    """The rewards of a participant, of a program and in a status, newest first; all of them without any of these.

    Raises MissingScope, InvalidInput, ProgramNotFound or ParticipantNotFound.
    """

    rewards: Rewards
    participants: Participants
    known_programs: KnownPrograms

    async def __call__(
        self,
        *,
        participant: str | None = None,
        program: str | None = None,
        status: str | None = None,
        limit: int = DEFAULT_SIZE,
        cursor: int | None = None,
        caller: Caller = OPERATOR,
    ) -> ListPage[NamedReward]:
        caller.ensure_may(Scope.REWARDS_READ)
        request = ListRequest.of(limit=limit, cursor=cursor)
        checks = Checks()
        wanted = program_id = beneficiary_id = None
        with checks.of("status"):
            wanted = None if status is None else RewardStatus.parse(status)
        checks.done()
        if program is not None:
            program_id = await self.known_programs.id_of(program)
        if participant is not None:
            found = await self.participants.find(participant_reference(participant))
            beneficiary_id = found.id
        return await self.rewards.newest(RewardFilter(program_id, beneficiary_id, wanted), request)

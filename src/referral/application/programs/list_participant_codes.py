from dataclasses import dataclass

from referral.application.accounts.participant_reference import participant_reference
from referral.application.accounts.ports import Participants
from referral.application.pages import DEFAULT_SIZE, ListPage, ListRequest
from referral.application.programs.ports import ReferralCodes
from referral.domain.access.caller import OPERATOR, Caller, Scope
from referral.domain.programs.referral_code import ReferralCode


@dataclass(frozen=True, slots=True)
class ListParticipantCodes:
    """A participant's codes, newest first, without withdrawn ones; raise MissingScope, InvalidInput or ParticipantNotFound."""

    participants: Participants
    codes: ReferralCodes

    async def __call__(
        self,
        *,
        participant: str,
        limit: int = DEFAULT_SIZE,
        cursor: int | None = None,
        caller: Caller = OPERATOR,
    ) -> ListPage[ReferralCode]:
        caller.ensure_may(Scope.CODES_READ)
        request = ListRequest.of(limit=limit, cursor=cursor)
        owner = await self.participants.find(participant_reference(participant))
        return await self.codes.newest_of(owner.id, request)

from dataclasses import dataclass

from referral.application.accounts.participant_reference import participant_reference
from referral.application.accounts.ports import Participants
from referral.application.pages import DEFAULT_SIZE, ListPage, ListRequest
from referral.application.programs.known_programs import KnownPrograms
from referral.application.programs.ports import (
    NamedReferral,
    ReferralFilter,
    Referrals,
)
from referral.domain.access.caller import OPERATOR, Caller, Scope
from referral.domain.errors import Checks
from referral.domain.programs.referral import ReferralStatus


@dataclass(frozen=True, slots=True)
class FindReferrals:
    """The referrals of a program, of a referrer and in a status, newest first; all of them without any of these.

    Raises MissingScope, InvalidInput, ProgramNotFound or ParticipantNotFound.
    """

    referrals: Referrals
    participants: Participants
    known_programs: KnownPrograms

    async def __call__(
        self,
        *,
        program: str | None = None,
        referrer: str | None = None,
        status: str | None = None,
        limit: int = DEFAULT_SIZE,
        cursor: int | None = None,
        caller: Caller = OPERATOR,
    ) -> ListPage[NamedReferral]:
        caller.ensure_may(Scope.PARTICIPANTS_READ)
        request = ListRequest.of(limit=limit, cursor=cursor)
        checks = Checks()
        reached = program_id = referrer_id = None
        with checks.of("status"):
            reached = None if status is None else ReferralStatus.parse(status)
        checks.done()
        if program is not None:
            program_id = await self.known_programs.id_of(program)
        if referrer is not None:
            referrer_id = (await self.participants.find(participant_reference(referrer))).id
        return await self.referrals.newest(
            ReferralFilter(program_id, referrer_id, reached), request
        )

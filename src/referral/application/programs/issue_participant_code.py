from dataclasses import dataclass
from datetime import datetime

from referral.application.accounts.participant_reference import participant_reference
from referral.application.accounts.ports import Participants
from referral.application.audit import Audit
from referral.application.programs.issue_code import IssueCode
from referral.domain.access.caller import OPERATOR, Caller, Scope
from referral.domain.accounts.errors import ParticipantNotFound, UserNotFound
from referral.domain.programs.program import DEFAULT
from referral.domain.programs.referral_code import ReferralCode


@dataclass(frozen=True, slots=True)
class IssueParticipantCode:
    """Issue a referral code for a participant, under the rules of IssueCode.

    Raises MissingScope, ParticipantNotFound, or what IssueCode does.
    """

    participants: Participants
    issue_code: IssueCode
    audit: Audit

    async def __call__(
        self,
        *,
        participant: str,
        expires_at: datetime | str,
        code: str | None = None,
        replace_active: bool = False,
        program: str = DEFAULT.value,
        caller: Caller = OPERATOR,
    ) -> ReferralCode:
        with self.audit.by(caller, "issue-code") as deed:
            caller.ensure_may(Scope.CODES_WRITE)
            owner = await self.participants.find(participant_reference(participant))
            deed.other_user_id = owner.id
            try:
                return await self.issue_code(
                    owner_id=owner.id,
                    expires_at=expires_at,
                    code=code,
                    replace_active=replace_active,
                    program=program,
                    deed=deed,
                )
            except UserNotFound:  # erased since a moment ago
                raise ParticipantNotFound from None

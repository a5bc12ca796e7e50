from dataclasses import dataclass

from referral.application.accounts.participant_reference import participant_reference
from referral.application.accounts.ports import Participants
from referral.application.again import again
from referral.application.audit import Audit
from referral.application.ports import Clock
from referral.application.programs.ports import NamedReferral, ReferralCodes, Referrals
from referral.application.rewards.new_referrals import NewReferrals
from referral.application.transaction import UnitOfWork
from referral.domain.access.caller import OPERATOR, Caller, Scope
from referral.domain.accounts.errors import UserNotFound
from referral.domain.accounts.user import Participant
from referral.domain.errors import InvalidInput
from referral.domain.programs.errors import (
    AlreadyReferred,
    CodeNotFound,
    CodeNotUsable,
    ReferralNotFound,
)
from referral.domain.programs.referral import refer
from referral.domain.programs.referral_code import CodeText, ReferralCode


@dataclass(frozen=True, slots=True)
class ReferParticipant:
    """Join a participant to a code's owner, as if they had signed up with the code; tell whether the referral is new.

    With the code that they were referred with before, it is the same referral. Raises MissingScope,
    ParticipantNotFound, CodeNotUsable, SelfReferral, TooLateToRefer or AlreadyReferred.
    """

    unit_of_work: UnitOfWork
    participants: Participants
    codes: ReferralCodes
    referrals: Referrals
    new_referrals: NewReferrals
    clock: Clock
    audit: Audit

    async def __call__(
        self, *, code: str, participant: str, caller: Caller = OPERATOR
    ) -> tuple[NamedReferral, bool]:
        with self.audit.by(caller, "refer-participant") as deed:
            caller.ensure_may(Scope.PARTICIPANTS_WRITE)
            referee = await self.participants.find(participant_reference(participant))
            deed.other_user_id = referee.id
            used = await self._known(code)
            deed.code_id = used.id
            try:
                known = await self.referrals.find(referee.id)
            except ReferralNotFound:
                try:
                    return await again(self._refer, referee, used), True
                except AlreadyReferred:  # since a moment ago
                    known = await self.referrals.find(referee.id)
            if known.referral.code_id != used.id:
                raise AlreadyReferred
            return known, False

    async def _known(self, raw: str) -> ReferralCode:
        try:
            return await self.codes.by_text(CodeText.parse(raw))
        except (InvalidInput, CodeNotFound):
            raise CodeNotUsable from None

    async def _refer(self, referee: Participant, code: ReferralCode) -> NamedReferral:
        """Decide under the lock of the code's owner, as at a sign-up; the referee needs none, for the store refuses a second."""
        async with self.unit_of_work.begin() as tx:
            try:
                owner = await tx.users.lock(code.owner_id)
            except UserNotFound:
                raise CodeNotUsable from None
            code = await tx.codes.by_text(code.text)
            referral = refer(referee, code, self.clock.now())
            return await self.new_referrals.add(tx, referral, code, owner, referee)

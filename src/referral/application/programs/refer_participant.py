from dataclasses import dataclass

from referral.application.accounts.participant_reference import (
    ParticipantReference,
    participant_reference,
)
from referral.application.accounts.ports import Participants
from referral.application.again import again
from referral.application.audit import Audit
from referral.application.ports import Clock
from referral.application.programs.code_to_use import code_named, locked_with_owner
from referral.application.programs.ports import NamedReferral, ReferralCodes, Referrals
from referral.application.rewards.event_awards import EventAwards
from referral.application.rewards.new_referrals import NewReferrals
from referral.application.transaction import UnitOfWork
from referral.domain.access.caller import OPERATOR, Caller, Scope
from referral.domain.programs.errors import (
    AlreadyReferred,
    ReferralNotFound,
)
from referral.domain.programs.referral import refer
from referral.domain.programs.referral_code import ReferralCode


@dataclass(frozen=True, slots=True)
class ReferParticipant:
    """Join a participant to a code's owner, as if they had signed up with the code; tell whether the referral is new.

    What was told of them before counts as if it were told now, as far as its time lets it. With the code that they were
    referred with before, it is the same referral. Raises MissingScope, ParticipantNotFound, CodeNotUsable, SelfReferral,
    CircularReferral, TooLateToRefer or AlreadyReferred.
    """

    unit_of_work: UnitOfWork
    participants: Participants
    codes: ReferralCodes
    referrals: Referrals
    new_referrals: NewReferrals
    event_awards: EventAwards
    clock: Clock
    audit: Audit

    async def __call__(
        self, *, code: str, participant: str, caller: Caller = OPERATOR
    ) -> tuple[NamedReferral, bool]:
        with self.audit.by(caller, "refer-participant") as deed:
            caller.ensure_may(Scope.PARTICIPANTS_WRITE)
            reference = participant_reference(participant)
            referee = await self.participants.find(reference)
            deed.other_user_id = referee.id
            used = await code_named(self.codes, code)
            deed.code_id = used.id
            try:
                known = await self.referrals.find(referee.id)
            except ReferralNotFound:
                try:
                    return await again(self._refer, reference, used), True
                except AlreadyReferred:  # since a moment ago
                    known = await self.referrals.find(referee.id)
            if known.referral.code_id != used.id:
                raise AlreadyReferred
            return known, False

    async def _refer(self, reference: ParticipantReference, code: ReferralCode) -> NamedReferral:
        """Decide under the locks of both: events are told under the referee's, and codes are used under their owner's."""
        async with self.unit_of_work.begin() as tx:
            referee = await tx.participants.lock(reference)
            code, owner = await locked_with_owner(tx, code)
            referral = refer(referee, owner, code, self.clock.now())
            named = await self.new_referrals.add(tx, referral, code, owner, referee)
            if await self.event_awards.of_earlier_events(tx, referral):
                return await tx.referrals.find(referee.id)
            return named

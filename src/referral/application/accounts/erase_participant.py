from dataclasses import dataclass

from referral.application.accounts.erasure import erase
from referral.application.accounts.participant_reference import (
    ParticipantReference,
    participant_reference,
)
from referral.application.again import again
from referral.application.audit import Audit
from referral.application.ports import Clock, Deed
from referral.application.transaction import UnitOfWork
from referral.domain.access.caller import OPERATOR, Caller, Scope


@dataclass(frozen=True, slots=True)
class EraseParticipant:
    """Forget all that tells who a participant is, as when people erase their own account.

    Raises MissingScope or ParticipantNotFound.
    """

    unit_of_work: UnitOfWork
    clock: Clock
    audit: Audit

    async def __call__(self, *, participant: str, caller: Caller = OPERATOR) -> None:
        with self.audit.by(caller, "erase-participant") as deed:
            caller.ensure_may(Scope.PARTICIPANTS_WRITE)
            await again(self._erase, participant_reference(participant), deed)

    async def _erase(self, reference: ParticipantReference, deed: Deed) -> None:
        async with self.unit_of_work.begin() as tx:
            locked = await tx.participants.lock(reference)
            deed.other_user_id = locked.id
            await erase(tx, locked, self.clock.now())

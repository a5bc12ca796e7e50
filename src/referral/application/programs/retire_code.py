from dataclasses import dataclass

from referral.application.again import again
from referral.application.audit import Audit
from referral.application.ports import Clock, Deed
from referral.application.programs.ports import RetiredCode
from referral.application.transaction import UnitOfWork
from referral.application.webhooks.messages import code_retired
from referral.domain.accounts.user import UserId
from referral.domain.errors import InvalidInput
from referral.domain.programs.errors import CodeNotFound
from referral.domain.programs.referral_code import CodeText


@dataclass(frozen=True, slots=True)
class RetireCode:
    """Withdraw one of the caller's own codes; nobody can sign up with it any more.

    Raises CodeNotFound, also for one withdrawn before, NotYourCode, or UserNotFound.
    """

    unit_of_work: UnitOfWork
    clock: Clock
    audit: Audit

    async def __call__(self, *, owner_id: UserId, code: str) -> None:
        with self.audit.of("retire-code", owner_id) as deed:
            try:
                text = CodeText.parse(code)
            except InvalidInput:
                raise CodeNotFound from None
            await again(self._retire, owner_id, text, deed)

    async def _retire(self, owner_id: UserId, text: CodeText, deed: Deed) -> None:
        async with self.unit_of_work.begin() as tx:
            owner = await tx.users.lock(owner_id)
            found = await tx.codes.by_text(text)
            deed.code_id = found.id
            found.ensure_owned_by(owner_id)
            now = self.clock.now()
            await tx.codes.retire(found.retire(now))
            retired = RetiredCode(found.id, found.text, found.program.slug)
            await tx.outbox.add(code_retired(owner, retired, now))

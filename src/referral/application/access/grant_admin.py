from dataclasses import dataclass

from referral.application.access.ports import Administrators
from referral.application.accounts.ports import EmailAddresses
from referral.application.audit import Audit
from referral.application.ports import Clock
from referral.domain.access.caller import OPERATOR


@dataclass(frozen=True, slots=True)
class GrantAdmin:
    """Let the user with this e-mail address do everything, on every process within a second; once is enough.

    For those who have the machine: no call over HTTP leads here. Raises InvalidInput or UserNotFound.
    """

    administrators: Administrators
    email_addresses: EmailAddresses
    clock: Clock
    audit: Audit

    async def __call__(self, *, email: str) -> None:
        address = self.email_addresses.parse(email)
        with self.audit.by(OPERATOR, "grant-admin") as deed:
            deed.other_user_id = await self.administrators.grant(address, self.clock.now())

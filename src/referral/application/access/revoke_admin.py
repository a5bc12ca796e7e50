from dataclasses import dataclass

from referral.application.access.ports import Administrators
from referral.application.accounts.ports import EmailAddresses
from referral.application.audit import Audit
from referral.domain.access.caller import OPERATOR


@dataclass(frozen=True, slots=True)
class RevokeAdmin:
    """Take the role of administrator from the user with this e-mail address, on every process within a second.

    Raises InvalidInput or NotAnAdministrator.
    """

    administrators: Administrators
    email_addresses: EmailAddresses
    audit: Audit

    async def __call__(self, *, email: str) -> None:
        address = self.email_addresses.parse(email)
        with self.audit.by(OPERATOR, "revoke-admin") as deed:
            deed.other_user_id = await self.administrators.revoke(address)

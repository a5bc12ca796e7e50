from dataclasses import dataclass
from uuid import UUID

from referral.application.accounts.ports import EmailAddresses, Users
from referral.domain.access.caller import OPERATOR, Caller, Scope
from referral.domain.accounts.errors import UserNotFound
from referral.domain.accounts.user import User, UserId, Username
from referral.domain.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class FindUser:
    """The user with this id, e-mail address or name; raise MissingScope or UserNotFound.

    A name that looks like an id is taken for one.
    """

    users: Users
    email_addresses: EmailAddresses

    async def __call__(self, *, who: str, caller: Caller = OPERATOR) -> User:
        caller.ensure_may(Scope.PARTICIPANTS_READ)
        try:
            return await self.users.by_id(UserId(UUID(who)))
        except ValueError:
            user = await self.users.by_login(self._key(who))
        if user is None:
            raise UserNotFound
        return user

    def _key(self, who: str) -> str:
        try:
            return self.email_addresses.parse(who).key if "@" in who else Username.parse(who).key
        except InvalidInput:
            raise UserNotFound from None

from dataclasses import dataclass

from referral.application.accounts.ports import Users
from referral.domain.accounts.user import User, UserId


@dataclass(frozen=True, slots=True)
class WhoAmI:
    """The caller's account; raise UserNotFound once it is erased."""

    users: Users

    async def __call__(self, *, user_id: UserId) -> User:
        return await self.users.by_id(user_id)

from dataclasses import dataclass

from referral.application.accounts.confirm_password import ConfirmPassword
from referral.application.accounts.erasure import erase
from referral.application.accounts.ports import Users
from referral.application.again import again
from referral.application.audit import Audit
from referral.application.ports import Clock
from referral.application.transaction import UnitOfWork
from referral.domain.accounts.errors import WrongPassword
from referral.domain.accounts.user import User, UserId


@dataclass(frozen=True, slots=True)
class EraseUser:
    """Close an account for good: name, address, password and tokens are forgotten, its codes are retired.

    Its referrals stay in the counts, without saying who it was. Raises WrongPassword, UserNotFound,
    TooManyAttempts or HashingBusy.
    """

    unit_of_work: UnitOfWork
    users: Users
    confirm_password: ConfirmPassword
    clock: Clock
    audit: Audit

    async def __call__(
        self, *, user_id: UserId, password: str, client_address: str | None = None
    ) -> None:
        with self.audit.of("erase-user", user_id):
            user = await self.users.by_id(user_id)
            await self.confirm_password(user, password, client_address)
            await again(self._erase, user)

    async def _erase(self, user: User) -> None:
        async with self.unit_of_work.begin() as tx:
            if await tx.users.lock(user.id) != user:
                raise WrongPassword  # it was changed while this one was checked
            await erase(tx, user, self.clock.now())

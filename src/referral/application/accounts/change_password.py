from dataclasses import dataclass

from referral.application.accounts.confirm_password import ConfirmPassword
from referral.application.accounts.ports import PasswordHasher, Users
from referral.application.again import again
from referral.application.audit import Audit
from referral.application.input_rules import InputRules
from referral.application.ports import Clock
from referral.application.transaction import UnitOfWork
from referral.domain.accounts.errors import WrongPassword
from referral.domain.accounts.user import User, UserId
from referral.domain.errors import Checks


@dataclass(frozen=True, slots=True)
class ChangePassword:
    """Choose a new password; every token issued before is worthless, access tokens within a second.

    Raises InvalidInput (about `new_password`), WrongPassword, UserNotFound, TooManyAttempts or HashingBusy.
    """

    unit_of_work: UnitOfWork
    users: Users
    confirm_password: ConfirmPassword
    rules: InputRules
    password_hasher: PasswordHasher
    clock: Clock
    audit: Audit

    async def __call__(
        self,
        *,
        user_id: UserId,
        password: str,
        new_password: str,
        client_address: str | None = None,
    ) -> None:
        with self.audit.of("change-password", user_id):
            user = await self.users.by_id(user_id)
            checks = Checks()
            with checks.of("new_password"):
                checked = self.rules.password(new_password, unlike=(user.username, user.email))
            checks.done()
            await self.confirm_password(user, password, client_address)
            new_hash = await self.password_hasher.hash(checked.value)
            await again(self._change, user, new_hash)

    async def _change(self, user: User, new_hash: str) -> None:
        async with self.unit_of_work.begin() as tx:
            if await tx.users.lock(user.id) != user:
                raise WrongPassword  # it was changed while this one was checked
            await tx.users.change_credentials(user.with_password(new_hash), self.clock.now())
            await tx.refresh_tokens.revoke_all_of(user.id)

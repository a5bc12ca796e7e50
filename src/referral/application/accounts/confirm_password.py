from dataclasses import dataclass

from referral.application.access.guess_limits import GuessLimits
from referral.application.accounts.ports import PasswordHasher
from referral.domain.accounts.errors import WrongPassword
from referral.domain.accounts.user import User, normalise_password


@dataclass(frozen=True, slots=True)
class ConfirmPassword:
    """Ask someone who is logged in for the password again; raise WrongPassword, TooManyAttempts or HashingBusy."""

    password_hasher: PasswordHasher
    guess_limits: GuessLimits

    async def __call__(self, user: User, password: str, client_address: str | None) -> None:
        self.password_hasher.ensure_room()
        async with self.guess_limits.attempt(user.id, client_address):
            await self._check(normalise_password(password), user.password_hash)

    async def _check(self, password: str, password_hash: str) -> None:
        if not await self.password_hasher.verify(password, password_hash):
            raise WrongPassword

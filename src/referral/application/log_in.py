from dataclasses import dataclass

from referral.application.guess_limits import GuessLimits
from referral.application.ports import PasswordHasher, Randomness, RefreshTokens, Users
from referral.application.token_pair import TokenPair, TokenPairs
from referral.domain.errors import WrongCredentials
from referral.domain.refresh_token import FamilyId
from referral.domain.user import User, normalise_password, same_name_key


@dataclass(frozen=True, slots=True)
class LogIn:
    """Exchange a user name or e-mail address and its password for a token pair.

    Raises WrongCredentials, after the same work whether the account exists or not; TooManyAttempts; HashingBusy.
    """

    users: Users
    refresh_tokens: RefreshTokens
    password_hasher: PasswordHasher
    guess_limits: GuessLimits
    token_pairs: TokenPairs
    randomness: Randomness

    async def __call__(
        self, *, username: str, password: str, client_address: str | None = None
    ) -> TokenPair:
        self.password_hasher.ensure_room()
        login_key = same_name_key(username)
        secret = normalise_password(password)
        async with self.guess_limits.attempt(login_key, client_address):
            user = await self._authenticated(login_key, secret)
        if self.password_hasher.is_outdated(user.password_hash):
            stronger = await self.password_hasher.hash(secret)
            await self.users.set_password(user, stronger, instead_of=user.password_hash)
        pair, token = self.token_pairs.make(user, FamilyId(self.randomness.new_id()))
        await self.refresh_tokens.add(token)
        return pair

    async def _authenticated(self, login_key: str, password: str) -> User:
        # One person's user name may be another's address; neither locks the other out.
        users = await self.users.by_login(login_key)
        for user in users:
            if await self.password_hasher.verify(password, user.password_hash):
                return user
        if not users:
            await self.password_hasher.verify(password, None)
        raise WrongCredentials

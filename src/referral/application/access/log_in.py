from dataclasses import dataclass

from referral.application.access.guess_limits import GuessLimits
from referral.application.access.ports import RefreshTokens
from referral.application.access.token_pair import TokenPair, TokenPairs
from referral.application.accounts.ports import EmailAddresses, Networks, PasswordHasher, Users
from referral.application.audit import Audit
from referral.application.ports import Clock, Randomness
from referral.domain.access.errors import WrongCredentials
from referral.domain.access.refresh_token import FamilyId
from referral.domain.accounts.sighting import Sighting
from referral.domain.accounts.user import User, Username, normalise_password
from referral.domain.errors import InvalidInput

NOBODYS_KEY = ""


@dataclass(frozen=True, slots=True)
class LogIn:
    """Exchange a user name or e-mail address and its password for a token pair.

    Raises WrongCredentials, after the same work whether the account exists or not; TooManyAttempts; HashingBusy.
    """

    users: Users
    refresh_tokens: RefreshTokens
    email_addresses: EmailAddresses
    password_hasher: PasswordHasher
    guess_limits: GuessLimits
    token_pairs: TokenPairs
    networks: Networks
    randomness: Randomness
    clock: Clock
    audit: Audit

    async def __call__(
        self, *, username: str, password: str, client_address: str | None = None
    ) -> TokenPair:
        with self.audit.of("log-in") as deed:
            self.password_hasher.ensure_room()
            key = self._key(username)
            name = key or username
            self.guess_limits.ensure_open(name, client_address)
            secret = normalise_password(password)
            user = await self.users.by_login(key)
            deed.user_id = user.id if user else None
            async with self.guess_limits.attempt(user.id if user else name, client_address, name):
                user = await self._authenticated(user, secret)
            if self.password_hasher.is_outdated(user.password_hash):
                stronger = await self.password_hasher.hash(secret)
                await self.users.set_password(user, stronger, instead_of=user.password_hash)
            pair, token = self.token_pairs.make(user, FamilyId(self.randomness.new_id()))
            networks = self.networks.names_of(client_address)
            sighting = Sighting.of(networks, self.clock.now(), user.referrer_id)
            await self.refresh_tokens.add(token, sighting)
            return pair

    def _key(self, username: str) -> str:
        """What to look for: the key of a name or, with an @ in it, of an address; nobody's if it can be neither."""
        try:
            if "@" in username:
                return self.email_addresses.parse(username).key
            return Username.parse(username).key
        except InvalidInput:
            return NOBODYS_KEY

    async def _authenticated(self, user: User | None, password: str) -> User:
        right = await self.password_hasher.verify(password, user.password_hash if user else None)
        if user is None or not right:
            raise WrongCredentials
        return user

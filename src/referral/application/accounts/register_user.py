from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from referral.application.access.limit import Limit
from referral.application.access.ports import RateLimiter
from referral.application.accounts.ports import Networks, PasswordHasher, Users
from referral.application.again import again
from referral.application.audit import Audit
from referral.application.input_rules import InputRules
from referral.application.ports import Clock, Randomness
from referral.application.programs.code_guesses import CodeGuesses
from referral.application.programs.code_to_use import code_named, locked_with_owner
from referral.application.programs.ports import ReferralCodes
from referral.application.rewards.new_referrals import NewReferrals
from referral.application.transaction import UnitOfWork
from referral.application.webhooks.messages import participant_created
from referral.application.webhooks.ports import Listeners
from referral.domain.accounts.sighting import NetworkName, Sighting
from referral.domain.accounts.user import EmailAddress, User, UserId, Username
from referral.domain.errors import Checks
from referral.domain.programs.referral import refer
from referral.domain.programs.referral_code import ReferralCode
from referral.domain.webhooks.message import MessageType

PER_ADDRESS = Limit(hits=20, window=timedelta(minutes=1))


@dataclass(frozen=True, slots=True)
class RegisterUser:
    """Open an account, alone or as the referee of a code's owner.

    Raises InvalidInput, CodeNotUsable, UsernameTaken, EmailTaken, TooManyAttempts or HashingBusy;
    then no account was opened.
    """

    unit_of_work: UnitOfWork
    users: Users
    codes: ReferralCodes
    rules: InputRules
    password_hasher: PasswordHasher
    randomness: Randomness
    networks: Networks
    new_referrals: NewReferrals
    clock: Clock
    listeners: Listeners
    rate_limiter: RateLimiter
    code_guesses: CodeGuesses
    audit: Audit

    async def __call__(
        self,
        *,
        username: str,
        email: str,
        password: str,
        code: str | None = None,
        client_address: str | None = None,
    ) -> User:
        checks = Checks()
        names: list[Username | EmailAddress] = []
        with checks.of("username"):
            names.append(name := self.rules.username(username, email=email))
        with checks.of("email"):
            names.append(address := self.rules.email(email))
        with checks.of("password"):
            checked = self.rules.password(password, unlike=names)
        checks.done()
        with self.audit.of("register") as deed:
            self.password_hasher.ensure_room()
            if client_address is not None:
                await self.rate_limiter.hit({f"register:{client_address}": PER_ADDRESS})

            referral_code = (
                None
                if code is None
                else await self.code_guesses.counted(self._usable, code, client_address)
            )
            deed.code_id = None if referral_code is None else referral_code.id
            await self.users.ensure_free(name, address)
            user = User(
                id=UserId(self.randomness.new_id()),
                username=name,
                email=address,
                password_hash=await self.password_hasher.hash(checked.value),
                created_at=self.clock.now(),
                referrer_id=None if referral_code is None else referral_code.owner_id,
            )
            networks = self.networks.names_of(client_address)
            user = await again(self._store, user, referral_code, networks)
            deed.user_id = user.id
            return user

    async def _usable(self, raw: str) -> ReferralCode:
        code = await code_named(self.codes, raw)
        code.ensure_usable(self.clock.now())
        return code

    async def _store(
        self, user: User, code: ReferralCode | None, networks: Sequence[NetworkName]
    ) -> User:
        """Decide about the code under its owner's lock: hashing took long enough for it to expire or be withdrawn."""
        sighting = Sighting.of(networks, user.created_at, user.referrer_id)
        if code is None and not self.listeners.may_hear(MessageType.PARTICIPANT_CREATED):
            await self.users.add(user, sighting)
            return user
        async with self.unit_of_work.begin() as tx:
            if code is None:
                await tx.users.add(user, sighting)
                await tx.outbox.add(participant_created(user))
                return user
            code, owner = await locked_with_owner(tx, code)
            user = replace(user, created_at=self.clock.now())
            referral = refer(user, owner, code, user.created_at)
            await tx.users.add(user, sighting)
            await self.new_referrals.add(
                tx,
                referral,
                code,
                owner,
                user,
                networks=networks,
                after=[participant_created(user)],
            )
            return user

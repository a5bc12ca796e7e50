"""What the use cases of accounts need of the outside, and what they may count on."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from referral.application.accounts.participant_reference import ParticipantReference
from referral.domain.accounts.sighting import NetworkName, Sighting
from referral.domain.accounts.user import (
    EmailAddress,
    ErasedUser,
    Participant,
    User,
    UserId,
    Username,
)


class EmailAddresses(Protocol):
    def parse(self, raw: str) -> EmailAddress:
        """The address in its normal spelling; raise InvalidInput unless it is valid (RFC 5321, RFC 6531)."""


class CommonPasswords(Protocol):
    def __contains__(self, password: object) -> bool:
        """Whether it is among the passwords most often chosen; case makes no difference."""


class PasswordHasher(Protocol):
    """Slow on purpose, never on the event loop, and never more at the same time than there is room for.

    `hash` and `verify` raise HashingBusy, at once, when too many others wait.
    """

    def ensure_room(self) -> None:
        """Raise HashingBusy if they would now: before work that would be for nothing."""

    async def hash(self, password: str) -> str:
        """A salted hash of the password, which has at most 72 bytes."""

    async def verify(self, password: str, password_hash: str | None) -> bool:
        """Whether the password made this hash.

        Takes as long when there is no hash, when the hash is damaged, and when the password is too long.
        """

    def is_outdated(self, password_hash: str) -> bool:
        """Whether a hash made today would be stronger."""


class DisposableAddresses(Protocol):
    def __contains__(self, address: EmailAddress) -> bool:
        """Whether a known provider of throw-away addresses gave it away, also under a name below its domain."""


class Networks(Protocol):
    def names_of(self, client_address: str | None) -> Sequence[NetworkName]:
        """What the network of an address is called, an IPv4 /24 or an IPv6 /64; nothing for what is no address.

        The first is its name from now on; others are by secrets that were used before.
        """


class Users(Protocol):
    async def add(self, user: User, sighting: Sighting | None = None) -> None:
        """Store a new user; raise UsernameTaken or EmailTaken.

        The sighting is kept if the terms of a program that has not ended ask for networks.
        """

    async def ensure_free(self, username: Username, email: EmailAddress) -> None:
        """Raise UsernameTaken or EmailTaken if that is so now; only `add` can promise it for good."""

    async def by_id(self, user_id: UserId) -> User:
        """Raise UserNotFound for one that does not exist, has no password or was erased."""

    async def lock(self, user_id: UserId) -> Participant:
        """Who it is, with a password or without, and until the transaction ends nobody else gets past here with them.

        Raises UserNotFound for one that does not exist or was erased.

        This is the one lock of the service: who decides about a user's password, codes or tokens holds it, and
        takes it before anything else. Of two people, the referee is locked first, then the referrer.
        """

    async def by_login(self, key: str) -> User | None:
        """Whose e-mail address has this key, if there is an @ in it, or else whose user name."""

    async def set_password(self, user: User, password_hash: str, *, instead_of: str) -> bool:
        """Store a new hash unless another was stored since; the tokens stay as they are. Whether it was done."""

    async def change_credentials(self, user: User, now: datetime) -> None:
        """Store the user's new hash and credentials version, which revokes every token issued before."""

    async def erase(self, user: ErasedUser) -> None:
        """Forget names, addresses, networks, password and role for good, and revoke every token issued before."""


class Participants(Protocol):
    """Everybody who takes part, with a password or without; the users are among them."""

    async def add(self, participant: Participant) -> None:
        """Store someone without a password; raise ExternalIdTaken, UsernameTaken or EmailTaken."""

    async def find(self, reference: ParticipantReference) -> Participant:
        """Raise ParticipantNotFound for one that does not exist or was erased."""

    async def lock(self, reference: ParticipantReference) -> Participant:
        """As `find`, and locked as by `Users.lock`."""

    async def lock_row(self, participant_id: UserId) -> None:
        """Locked in the same way, also someone who was erased."""

    async def save(self, participant: Participant) -> None:
        """Store the e-mail address, the user name and the locale; raise UsernameTaken or EmailTaken."""

    async def are_there_any(self) -> bool:
        """Whether there is anybody, those who were erased among them."""

"""Who uses the service: names, addresses and passwords, and the rules they follow."""

import unicodedata
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NewType, Self
from uuid import UUID

from referral.domain.accounts.external_id import ExternalId, Locale
from referral.domain.errors import InvalidInput

UserId = NewType("UserId", UUID)

USERNAME_LENGTH = range(3, 51)
EMAIL_MAX_LENGTH = 254  # RFC 5321 §4.5.3.1.3, less the angle brackets
PASSWORD_MIN_CHARACTERS = 8
PASSWORD_MIN_DIFFERENT = 5  # characters, of a password so short that repetitions are guessed
PASSWORD_SHORT = range(16)
PASSWORD_MAX_BYTES = 72  # bcrypt reads no further

# Letters that show as nothing: those that Unicode lets fonts ignore (Default_Ignorable_Code_Point), once they are
# normalised, and two blanks among the hieroglyphs.
_BLANK_LETTERS = frozenset("\u115f\u1160\U00013441\U00013442")

# To normalise a text can take time that grows with the square of its length, so its length is looked at first.
# No character decomposes into more than four (UAX #15), so no spelling of an allowed text is longer than this.
SPELLED_OUT = 4


def same_name_key(text: str) -> str:
    """What two spellings of one name have in common: Unicode's compatibility caseless match (UAX #15, D146)."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


@dataclass(frozen=True, slots=True)
class Username:
    """A user's name, NFKC-normalised; two are the same name when their keys are equal."""

    value: str

    @classmethod
    def parse(cls, raw: str) -> Self:
        """Raise InvalidInput unless it is 3 to 50 letters, digits and . @ + - _ after normalisation."""
        too_long = len(raw) > SPELLED_OUT * USERNAME_LENGTH[-1]
        text = "" if too_long else unicodedata.normalize("NFKC", raw)
        if len(text) not in USERNAME_LENGTH:
            raise InvalidInput("A user name has 3 to 50 characters.")
        if not all(
            (c.isalpha() and c not in _BLANK_LETTERS) or c.isdecimal() or c in ".@+-_" for c in text
        ):
            raise InvalidInput("A user name is made of letters, digits and . @ + - _ only.")
        return cls(text)

    @property
    def key(self) -> str:
        return same_name_key(self.value)

    def ensure_not_anothers(self, own: "EmailAddress") -> None:
        """Raise InvalidInput for a name with an @ that is not the user's own e-mail address: it can be another's."""
        if "@" in self.value and self.key != own.key:
            raise InvalidInput("A user name has no @, unless it is the user's own e-mail address.")


@dataclass(frozen=True, slots=True)
class EmailAddress:
    """A valid e-mail address in its normal spelling, as an `EmailAddresses` port gives it."""

    value: str

    @property
    def key(self) -> str:
        return same_name_key(self.value)


@dataclass(frozen=True, slots=True, repr=False)
class Password:
    """A password someone may choose, NFC-normalised (RFC 8265 §4.2.2)."""

    value: str

    @classmethod
    def parse(cls, raw: str) -> Self:
        """Raise InvalidInput unless it has 8 characters or more and at most 72 bytes, none a control character.

        One of fewer than 16 characters has 5 different ones.
        """
        text = normalise_password(raw)
        if len(text) < PASSWORD_MIN_CHARACTERS:
            raise InvalidInput(f"A password has at least {PASSWORD_MIN_CHARACTERS} characters.")
        if any(unicodedata.category(c) in {"Cc", "Cs"} for c in text):
            raise InvalidInput("A password has no control characters.")
        if len(text.encode()) > PASSWORD_MAX_BYTES:
            raise InvalidInput(f"A password has at most {PASSWORD_MAX_BYTES} bytes in UTF-8.")
        if len(text) in PASSWORD_SHORT and len(set(text.casefold())) < PASSWORD_MIN_DIFFERENT:
            raise InvalidInput(
                f"A password of fewer than {PASSWORD_SHORT.stop} characters has at least"
                f" {PASSWORD_MIN_DIFFERENT} different ones."
            )
        return cls(text)

    def ensure_unlike(self, *names: Username | EmailAddress) -> None:
        """Raise InvalidInput when the password is the user's name or address."""
        if same_name_key(self.value) in {name.key for name in names}:
            raise InvalidInput("A password is not the user name or the e-mail address.")

    def undecorated(self) -> set[str]:
        """The password in one case, and all of 8 characters or more that it is without digits and signs at its ends."""
        text = self.value.casefold()
        letters = [at for at, c in enumerate(text) if c.isalpha()] or [len(text), -1]
        return {
            text[start:end]
            for start in range(letters[0] + 1)
            for end in range(max(letters[-1] + 1, start + PASSWORD_MIN_CHARACTERS), len(text) + 1)
        }


def normalise_password(raw: str) -> str:
    """The form in which a password is hashed and checked, whatever keyboard it was typed on.

    A text that is too long to be anyone's password is returned as it is, and still is too long.
    """
    if len(raw) > SPELLED_OUT * PASSWORD_MAX_BYTES:
        return raw
    return unicodedata.normalize("NFC", raw)


@dataclass(frozen=True, slots=True, kw_only=True)
class Participant:
    """Someone who takes part: who registered here, or whom a server enrolled under an id of its own.

    Tokens carry the `credentials_version` they were issued under; a new one makes all of them worthless.
    """

    id: UserId
    external_id: ExternalId | None = None
    username: Username | None = None
    email: EmailAddress | None = None
    locale: Locale | None = None
    created_at: datetime
    referrer_id: UserId | None = None
    credentials_version: int = 1

    def erased(self, now: datetime) -> "ErasedUser":
        """What stays of them once they are erased; every token issued before is worthless."""
        return ErasedUser(
            id=self.id, credentials_version=self.credentials_version + 1, erased_at=now
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class User(Participant):
    """Someone with an account: a participant who registered with a name, an address and a password."""

    username: Username
    email: EmailAddress
    password_hash: str = field(repr=False)

    @property
    def public(self) -> "PublicUser":
        return PublicUser(id=self.id, username=self.username, email=self.email)

    def with_password(self, password_hash: str) -> Self:
        """The user with a new password, which makes every token issued before worthless."""
        return replace(
            self, password_hash=password_hash, credentials_version=self.credentials_version + 1
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicUser:
    """Someone, as others may see them; whom a server enrolled may have no name."""

    id: UserId
    username: Username | None
    email: EmailAddress


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasedUser:
    """Someone who took part: an id in others' referrals, and no name, address or password."""

    id: UserId
    credentials_version: int
    erased_at: datetime

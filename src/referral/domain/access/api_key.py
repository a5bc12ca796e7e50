"""API keys: what a server proves itself with.

A key is `rk_`, 30 random letters and digits, and their CRC-32 in 6 more: a scanner knows one from any other text,
and a slip of the pen is told from a key that is not good any more.
"""

import re
import string
import unicodedata
import zlib
from dataclasses import dataclass, field
from datetime import datetime

from referral.domain.access.caller import Caller, KeyId, Scope
from referral.domain.access.errors import InvalidAccessToken
from referral.domain.access.refresh_token import Digest, digest_of
from referral.domain.errors import InvalidInput
from referral.domain.texts import is_printable

PREFIX = "rk_"
ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
SECRET_LENGTH = 30  # 178 bits
CHECKSUM_LENGTH = 6  # the least that holds 32 bits
NAME_LENGTH = range(1, 101)

_SHAPE = re.compile(
    f"{PREFIX}([0-9A-Za-z]{{{SECRET_LENGTH}}})([0-9A-Za-z]{{{CHECKSUM_LENGTH}}})", re.ASCII
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """What the service remembers of a key it made."""

    id: KeyId
    name: str
    digest: Digest = field(repr=False)
    scopes: frozenset[Scope]
    created_at: datetime
    expires_at: datetime | None = None
    last_used_at: datetime | None = None

    def caller(self, now: datetime) -> Caller:
        """Who calls with it; raise InvalidAccessToken once it is expired."""
        if self.expires_at is not None and now >= self.expires_at:
            raise InvalidAccessToken
        return Caller(key_id=self.id, key_name=self.name, scopes=self.scopes)


def key_of(secret: str) -> str:
    """The key that a server sends, of 30 random letters and digits."""
    return f"{PREFIX}{secret}{_checksum(secret)}"


def digest_of_key(key: str) -> Digest:
    """What is kept of a key; raise InvalidAccessToken for a text that was never one."""
    match = _SHAPE.fullmatch(key)
    if match is None or _checksum(match[1]) != match[2]:
        raise InvalidAccessToken("This is no API key; it may be mistyped or cut off.")
    return digest_of(key)


def _checksum(secret: str) -> str:
    number, digits = zlib.crc32(secret.encode()), ""
    for _ in range(CHECKSUM_LENGTH):
        number, digit = divmod(number, len(ALPHABET))
        digits = ALPHABET[digit] + digits
    return digits


def key_name(raw: str) -> str:
    """A name to know a key by; raise InvalidInput unless it has 1 to 100 printable characters."""
    name = unicodedata.normalize("NFC", raw) if len(raw) <= NAME_LENGTH[-1] else ""
    if not is_printable(name, NAME_LENGTH):
        raise InvalidInput(
            "A key's name has 1 to 100 printable characters, and no blanks at its ends."
        )
    return name


def ensure_may_end(expires_at: datetime, now: datetime) -> None:
    """Raise InvalidInput unless a key made now can expire then."""
    if expires_at <= now:
        raise InvalidInput("A key expires in the future.")

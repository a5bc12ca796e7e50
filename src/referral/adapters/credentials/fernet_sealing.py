import base64
import hmac
from collections.abc import Sequence
from functools import cached_property

from cryptography.fernet import Fernet, InvalidToken, MultiFernet


class FernetSealing:
    """Seals with keys derived from the service's secrets: the first seals, all open (Fernet: AES-CBC, HMAC-SHA256)."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._secrets = secrets

    @cached_property  # what seals nothing needs no secret
    def _fernet(self) -> MultiFernet:
        return MultiFernet([Fernet(_key_from(secret)) for secret in self._secrets])

    def seal(self, content: bytes) -> bytes:
        return self._fernet.encrypt(content)

    def opened(self, sealed: bytes) -> bytes | None:
        try:
            return self._fernet.decrypt(sealed)
        except InvalidToken:
            return None


def _key_from(secret: str) -> bytes:
    return base64.urlsafe_b64encode(hmac.digest(secret.encode(), b"sealing", "sha256"))

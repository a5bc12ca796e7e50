"""The machine's own randomness."""

import secrets
import time
from uuid import UUID

from referral.domain.access.api_key import ALPHABET, SECRET_LENGTH
from referral.domain.programs.referral_code import GENERATED_LENGTH, UNAMBIGUOUS, CodeText
from referral.domain.webhooks.signing import SECRET_BYTES


class SystemRandomness:
    def new_id(self) -> UUID:
        # RFC 9562 §5.7; Python's own uuid7 comes with 3.14.
        milliseconds = time.time_ns() // 1_000_000
        value = milliseconds << 80 | 0x7 << 76 | secrets.randbits(76)
        return UUID(int=value & ~(0x3 << 62) | 0x2 << 62)

    def code_text(self) -> CodeText:
        return CodeText("".join(secrets.choice(UNAMBIGUOUS) for _ in range(GENERATED_LENGTH)))

    def api_key_secret(self) -> str:
        return "".join(secrets.choice(ALPHABET) for _ in range(SECRET_LENGTH))

    def refresh_token(self) -> str:
        return secrets.token_urlsafe(32)

    def webhook_secret(self) -> bytes:
        return secrets.token_bytes(SECRET_BYTES)

"""Secrets and signatures, after Standard Webhooks 1.0."""

import base64
import hmac
from collections.abc import Iterable

PREFIX = "whsec_"
SECRET_BYTES = 32  # 24 to 64 are allowed


def shown_secret(secret: bytes) -> str:
    """How a secret is written for who checks signatures with it."""
    return PREFIX + base64.b64encode(secret).decode()


def signatures(secrets: Iterable[bytes], *, message: str, timestamp: int, body: bytes) -> str:
    """The header `webhook-signature`: one signature for each secret, of which a receiver has to know one."""
    content = b".".join((message.encode(), str(timestamp).encode(), body))
    return " ".join(f"v1,{_signature(secret, content)}" for secret in secrets)


def _signature(secret: bytes, content: bytes) -> str:
    return base64.b64encode(hmac.digest(secret, content, "sha256")).decode()

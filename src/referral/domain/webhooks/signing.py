"""Secrets and signatures, after Standard Webhooks 1.0."""

import base64
import hmac
import re
from collections.abc import Iterable
from datetime import datetime, timedelta

from referral.domain.errors import InvalidInput

PREFIX = "whsec_"
SECRET_BYTES = 32
LEAST_BYTES, MOST_BYTES = 24, 64
TOLERANCE = timedelta(minutes=5)


def shown_secret(secret: bytes) -> str:
    """How a secret is written for who checks signatures with it."""
    return PREFIX + base64.b64encode(secret).decode()


def secret_from(shown: str) -> bytes:
    """The secret that is written so; raise InvalidInput for any other text, which the words do not repeat."""
    try:
        secret = base64.b64decode(shown.removeprefix(PREFIX), validate=True)
    except ValueError:
        secret = b""
    if not shown.startswith(PREFIX) or not LEAST_BYTES <= len(secret) <= MOST_BYTES:
        raise InvalidInput(
            f"A secret is {PREFIX} and {LEAST_BYTES} to {MOST_BYTES} bytes in Base64."
        )
    return secret


def refusal_of(
    secret: bytes, message: str, timestamp: str, signature: str, body: bytes, *, now: datetime
) -> str | None:
    """Why a message with these three headers is not to be believed, in a sentence; None when the secret has signed it.

    The time that it has must be within five minutes of now, so that nobody sends what was seen long ago.
    """
    if not (message and timestamp and signature and f"{message}{signature}".isascii()):
        return "It needs the headers webhook-id, webhook-timestamp and webhook-signature."
    if not re.fullmatch("[0-9]{1,12}", timestamp):
        return "The timestamp is no number of seconds."
    sent_at = int(timestamp)
    if abs(now.timestamp() - sent_at) > TOLERANCE.total_seconds():
        return "The timestamp is more than five minutes off."
    right = signatures([secret], message=message, timestamp=sent_at, body=body)
    if not any(hmac.compare_digest(right, one) for one in signature.split(" ")):
        return "The secret has not signed it."
    return None


def signatures(secrets: Iterable[bytes], *, message: str, timestamp: int, body: bytes) -> str:
    """The header `webhook-signature`: one signature for each secret, of which a receiver has to know one."""
    content = b".".join((message.encode(), str(timestamp).encode(), body))
    return " ".join(f"v1,{_signature(secret, content)}" for secret in secrets)


def _signature(secret: bytes, content: bytes) -> str:
    return base64.b64encode(hmac.digest(secret, content, "sha256")).decode()

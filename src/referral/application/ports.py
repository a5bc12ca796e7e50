"""What the use cases need of the outside, and what they may count on.

Every promise here is held by a test that runs on each implementation. Every method that reaches the
database may also raise DatabaseUnavailable.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from referral.domain.access.caller import KeyId
from referral.domain.accounts.user import UserId
from referral.domain.programs.referral_code import CodeId, CodeText
from referral.domain.webhooks.endpoint import EndpointId

DONE = "done"


@dataclass(slots=True)
class Deed:
    """Something that someone did or tried to do; no secret is in it, no name, no e-mail address and no code's text.

    `outcome` is "done", what the problem is called, or "failed"; `origin` says where the call came from.
    """

    action: str
    user_id: UserId | None = None
    key_id: KeyId | None = None
    code_id: CodeId | None = None
    other_user_id: UserId | None = None
    other_key_id: KeyId | None = None
    endpoint_id: EndpointId | None = None
    program: str = ""
    outcome: str = DONE
    reason: str = ""
    origin: Mapping[str, str] = field(default_factory=dict)


class AuditLog(Protocol):
    def write(self, deed: Deed) -> None:
        """Keep it, whatever else is kept of what happens; nobody waits for it."""


class Clock(Protocol):
    def now(self) -> datetime:
        """The time, aware and in UTC."""


class Randomness(Protocol):
    """Values nobody can guess, from a cryptographically secure source."""

    def new_id(self) -> UUID:
        """A UUID never given before; of two, one a millisecond later sorts later (UUIDv7, RFC 9562 §5.7)."""

    def code_text(self) -> CodeText:
        """A referral code's text: 12 characters that cannot be mistaken for each other."""

    def api_key_secret(self) -> str:
        """30 letters A-Z, a-z and digits, each as likely as any other."""

    def refresh_token(self) -> str:
        """A secret of at least 256 bits, in URL-safe characters."""

    def webhook_secret(self) -> bytes:
        """A secret of 32 bytes."""

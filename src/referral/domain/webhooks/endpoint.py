"""Webhook endpoints: where a product team's own systems hear of what happens here."""

import re
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import NewType, Self
from urllib.parse import urlsplit
from uuid import UUID

from referral.domain.errors import InvalidInput
from referral.domain.texts import is_printable
from referral.domain.webhooks.addresses import is_public, parsed_address
from referral.domain.webhooks.attempt import Attempt
from referral.domain.webhooks.errors import EndpointDisabled
from referral.domain.webhooks.message import MessageType
from referral.domain.words import Word

EndpointId = NewType("EndpointId", UUID)

MAX_URL = 2000
MAX_DESCRIPTION = 200
URL_SHAPE = r"https?://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?([/?][!-\"$-~]*)?"
PATIENCE = timedelta(days=5)
QUIET = timedelta(hours=27)  # longer than any message waits for its next attempt
SHORTEST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(minutes=1)
MOST_DOUBLED = 6  # beyond it, a pause is the longest anyhow
BY_HAND = "It was disabled by hand."
GONE = "It answered 410 Gone."
FAILING = "Nothing could be delivered for five days."
UNREADABLE = "Its secret cannot be opened any more; give it another one."
ROTATION = timedelta(hours=24)


class EndpointStatus(Word):
    """A disabled endpoint is sent nothing, and misses what happens meanwhile."""

    ACTIVE = "active"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where messages are sent to, and which; the secrets are sealed, and sign what is sent."""

    id: EndpointId
    url: str
    events: tuple[str, ...]
    description: str | None = None
    secret: bytes = field(repr=False)
    former_secret: bytes | None = field(default=None, repr=False)
    former_until: datetime | None = None
    created_at: datetime
    disabled_at: datetime | None = None
    disabled_because: str | None = None
    failures: int = 0
    failing_since: datetime | None = None
    paused_until: datetime | None = None

    @property
    def status(self) -> EndpointStatus:
        return EndpointStatus.DISABLED if self.disabled_at else EndpointStatus.ACTIVE

    def hears(self, kind: MessageType) -> bool:
        """Whether it is to be sent messages of this type."""
        return self.disabled_at is None and not {*kind.patterns}.isdisjoint(self.events)

    def ensure_active(self) -> None:
        """Raise EndpointDisabled for one that is sent nothing."""
        if self.disabled_at is not None:
            raise EndpointDisabled

    def secrets(self, now: datetime) -> tuple[bytes, ...]:
        """What signs now: the secret, and for 24 hours after a rotation the one before it too."""
        if self.former_secret is None or self.former_until is None or now >= self.former_until:
            return (self.secret,)
        return self.secret, self.former_secret

    def rotated(self, secret: bytes, now: datetime) -> Self:
        """The endpoint with a new secret; the one that it had signs along for 24 hours."""
        return replace(self, secret=secret, former_secret=self.secret, former_until=now + ROTATION)

    def disabled(self, now: datetime, because: str) -> Self:
        """The endpoint, sent nothing from now on; the reason is a sentence."""
        return replace(self, disabled_at=now, disabled_because=because)

    def become(self, status: EndpointStatus, now: datetime) -> Self:
        """The endpoint in this status, which may be the one it has; an active one is sent what waited for it too."""
        if status == self.status:
            return self
        if status == EndpointStatus.DISABLED:
            return self.disabled(now, BY_HAND)
        return replace(self.recovered(), disabled_at=None, disabled_because=None)

    def recovered(self) -> Self:
        """The endpoint as one that takes what it is sent: nothing has failed, and it is not left alone."""
        return replace(self, failures=0, failing_since=None, paused_until=None)

    def after(self, attempt: Attempt) -> Self:
        """What it is after an attempt to send it something: one that is gone, or failed for five days, is disabled.

        One that fails is left alone for a while: the longer, the more attempts have failed one after the other. What
        failed before a time in which nothing was sent does not count.
        """
        if attempt.is_success:
            return self.recovered()
        is_old = self.paused_until is None or attempt.at - self.paused_until > QUIET
        before = self.recovered() if is_old else self
        failing_since = before.failing_since or attempt.at
        pause = min(SHORTEST_PAUSE * (1 << min(before.failures, MOST_DOUBLED)), LONGEST_PAUSE)
        failing = replace(
            before,
            failures=before.failures + 1,
            failing_since=failing_since,
            paused_until=attempt.at + max(pause, attempt.wait),
        )
        if attempt.is_gone:
            return failing.disabled(attempt.at, GONE)
        if attempt.at - failing_since >= PATIENCE:
            return failing.disabled(attempt.at, FAILING)
        return failing


def endpoint_url(raw: str, *, private_networks: bool) -> str:
    """Where to send to; raise InvalidInput unless it is an https address of at most 2000 characters, and a public one.

    With `private_networks` any address will do, and http to this machine itself. What a name leads to is looked at
    when it is connected to.
    """
    if len(raw) > MAX_URL or not re.fullmatch(URL_SHAPE, raw):
        raise InvalidInput("An endpoint has an https address of at most 2000 characters.")
    try:
        parts = urlsplit(raw)
        host, is_complete = parts.hostname or "", parts.port != 0
    except ValueError:
        is_complete = False
    if not is_complete:
        raise InvalidInput("An endpoint's address has a host, and a port from 1 to 65535 if any.")
    address = parsed_address(host)
    if not private_networks and address and not is_public(host):
        raise InvalidInput("An endpoint has a public address.")
    is_loopback = address.is_loopback if address else host == "localhost"
    if parts.scheme == "http" and not (private_networks and is_loopback):
        raise InvalidInput("An endpoint has an https address; http is for development alone.")
    return raw


def endpoint_description(raw: str) -> str:
    """What an endpoint is for; raise InvalidInput unless it has 1 to 200 printable characters."""
    if not is_printable(raw, range(1, MAX_DESCRIPTION + 1)):
        raise InvalidInput(
            "A description has 1 to 200 printable characters, and no blanks at its ends."
        )
    return raw

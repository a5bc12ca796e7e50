import time
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import Uuid, bindparam, select

from referral.adapters.postgres.accounts.tables import users
from referral.adapters.postgres.core.database import Queries
from referral.adapters.postgres.core.metadata import INSTANT
from referral.adapters.postgres.core.statement import Statement
from referral.application.access.ports import AccessClaims
from referral.application.ports import Clock
from referral.domain.accounts.user import UserId

_CHANGED = Statement(
    select(users.c.id, users.c.credentials_version).where(
        users.c.credentials_changed_at > bindparam("since", type_=INSTANT)
    )
)
_VERSION = Statement(
    select(users.c.credentials_version).where(users.c.id == bindparam("user_id", type_=Uuid))
)

# How old the list may be. It is read again several times a second; older than this, the database is asked.
FRESH_SECONDS = 0.8


@dataclass(slots=True)
class PostgresRevocations:
    """Keeps in memory whose credentials changed within the life of an access token: few, and no query a call.

    `refresh` is to be called more than once in FRESH_SECONDS; where nobody does, every question is a query.
    """

    queries: Queries
    clock: Clock
    access_token_ttl: timedelta
    _versions: dict[UserId, int] = field(default_factory=dict)
    _fresh_until: float = 0.0

    async def refresh(self) -> None:
        # Twice the lifetime: the clocks of two processes may differ.
        asked_at = time.monotonic()
        rows = await self.queries.all(_CHANGED, since=self.clock.now() - 2 * self.access_token_ttl)
        self._versions = {row["id"]: row["credentials_version"] for row in rows}
        self._fresh_until = asked_at + FRESH_SECONDS

    async def is_revoked(self, claims: AccessClaims) -> bool:
        # A version that is newer than the list was issued since the list was read.
        if time.monotonic() < self._fresh_until:
            return claims.credentials_version < self._versions.get(claims.user_id, 0)
        row = await self.queries.one(_VERSION, user_id=claims.user_id)
        return row is None or claims.credentials_version < row["credentials_version"]

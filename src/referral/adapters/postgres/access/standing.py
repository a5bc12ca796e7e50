import time
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import Uuid, bindparam, exists, null, select, union_all

from referral.adapters.postgres.access.tables import administrators
from referral.adapters.postgres.accounts.tables import users
from referral.adapters.postgres.core.database import Queries
from referral.adapters.postgres.core.metadata import INSTANT
from referral.adapters.postgres.core.statement import Statement
from referral.application.access.ports import AccessClaims
from referral.application.ports import Clock
from referral.domain.access.caller import Scope
from referral.domain.access.errors import InvalidAccessToken
from referral.domain.accounts.user import UserId

# Those whose credentials changed, and without a version those who are administrators.
_LISTED = Statement(
    union_all(
        select(users.c.id, users.c.credentials_version).where(
            users.c.credentials_changed_at > bindparam("since", type_=INSTANT)
        ),
        select(administrators.c.user_id, null()),
    )
)
_ONE = Statement(
    select(
        users.c.credentials_version,
        exists().where(administrators.c.user_id == users.c.id).label("is_administrator"),
    ).where(users.c.id == bindparam("user_id", type_=Uuid))
)

# How old the list may be. It is read again several times a second; older than this, the database is asked.
FRESH_SECONDS = 0.8

ALL = frozenset(Scope)
NONE: frozenset[Scope] = frozenset()
NOT_LISTED = (0, NONE)


@dataclass(slots=True)
class PostgresStanding:
    """Keeps in memory whose credentials changed within the life of an access token, and who is an administrator.

    These are few, and no call costs a query.
    `refresh` is to be called more than once in FRESH_SECONDS; where nobody does, every question is a query.
    """

    queries: Queries
    clock: Clock
    access_token_ttl: timedelta
    _listed: dict[UserId, tuple[int, frozenset[Scope]]] = field(default_factory=dict)
    _fresh_until: float = 0.0

    async def refresh(self) -> None:
        # Twice the lifetime: the clocks of two processes may differ.
        asked_at = time.monotonic()
        rows = await self.queries.all(_LISTED, since=self.clock.now() - 2 * self.access_token_ttl)
        versions = {
            row["id"]: row["credentials_version"] for row in rows if row["credentials_version"]
        }
        administrators = {row["id"] for row in rows if not row["credentials_version"]}
        self._listed = {
            user_id: (versions.get(user_id, 0), ALL if user_id in administrators else NONE)
            for user_id in versions.keys() | administrators
        }
        self._fresh_until = asked_at + FRESH_SECONDS

    async def scopes_of(self, claims: AccessClaims) -> frozenset[Scope]:
        # A version that is newer than the list was issued since the list was read.
        if time.monotonic() < self._fresh_until:
            version, scopes = self._listed.get(claims.user_id, NOT_LISTED)
        else:
            row = await self.queries.one(_ONE, user_id=claims.user_id)
            if row is None:
                raise InvalidAccessToken
            version, scopes = row["credentials_version"], ALL if row["is_administrator"] else NONE
        if claims.credentials_version < version:
            raise InvalidAccessToken
        return scopes

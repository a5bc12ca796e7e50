import time
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import bindparam, or_, select, update

from referral.adapters.postgres.access.api_keys import KEY_COLUMNS, key_from
from referral.adapters.postgres.access.standing import FRESH_SECONDS
from referral.adapters.postgres.access.tables import api_keys
from referral.adapters.postgres.core.database import Queries
from referral.adapters.postgres.core.metadata import INSTANT
from referral.adapters.postgres.core.statement import Statement
from referral.application.ports import Clock
from referral.domain.access.api_key import ApiKey
from referral.domain.access.caller import KeyId
from referral.domain.access.errors import InvalidAccessToken
from referral.domain.access.refresh_token import Digest

_good = select(*KEY_COLUMNS).where(api_keys.c.revoked_at.is_(None))
_GOOD = Statement(
    _good.where(
        or_(
            api_keys.c.expires_at.is_(None),
            api_keys.c.expires_at > bindparam("now", type_=INSTANT),
        )
    )
)
_ONE = Statement(_good.where(api_keys.c.digest == bindparam("digest")))
_USED = Statement(
    update(api_keys)
    .values(last_used_at=bindparam("used_at"))
    .where(
        api_keys.c.id == bindparam("key_id"),
        or_(api_keys.c.last_used_at.is_(None), api_keys.c.last_used_at < bindparam("used_at")),
    ),
    on_the_side=True,
)


@dataclass(slots=True)
class PostgresKeyRing:
    """Keeps the good keys in memory: no call costs a query.

    `refresh` is to be called more than once in FRESH_SECONDS; where nobody does, every question is a query.
    """

    queries: Queries
    clock: Clock
    _keys: dict[Digest, ApiKey] = field(default_factory=dict)
    _fresh_until: float = 0.0
    _uses: dict[KeyId, datetime] = field(default_factory=dict)
    _written: dict[KeyId, datetime] = field(default_factory=dict)

    async def refresh(self) -> None:
        asked_at = time.monotonic()
        rows = await self.queries.all(_GOOD, now=self.clock.now())
        self._keys = {row["digest"]: key_from(row) for row in rows}
        self._fresh_until = asked_at + FRESH_SECONDS
        await self.write_uses()

    async def find(self, digest: Digest) -> ApiKey:
        if time.monotonic() < self._fresh_until:
            key = self._keys.get(digest)
        else:
            row = await self.queries.one(_ONE, digest=digest)
            key = None if row is None else key_from(row)
        if key is None:
            raise InvalidAccessToken("This API key is unknown or was revoked.")
        return key

    def note_use(self, key: ApiKey, now: datetime) -> None:
        self._uses[key.id] = now

    async def write_uses(self) -> None:
        """Store when keys were used, each once a minute; what cannot be stored now is stored the next time."""
        for key_id, used_at in [*self._uses.items()]:
            minute = used_at.replace(second=0, microsecond=0)
            if self._written.get(key_id) != minute:
                await self.queries.execute(_USED, key_id=key_id, used_at=minute)
                self._written[key_id] = minute

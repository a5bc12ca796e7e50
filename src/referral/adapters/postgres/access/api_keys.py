from dataclasses import dataclass
from datetime import datetime

import asyncpg
from sqlalchemy import BigInteger, Uuid, bindparam, insert, or_, select, update

from referral.adapters.postgres.access.tables import api_keys
from referral.adapters.postgres.core.database import Queries
from referral.adapters.postgres.core.statement import Statement
from referral.application.pages import ListPage, ListRequest
from referral.domain.access.api_key import ApiKey
from referral.domain.access.caller import KeyId, Scope
from referral.domain.access.errors import KeyNotFound

_NAMES = ("id", "name", "digest", "scopes", "created_at", "expires_at", "last_used_at")
KEY_COLUMNS = tuple(api_keys.c[name] for name in _NAMES)


def key_from(row: asyncpg.Record) -> ApiKey:
    return ApiKey(**{**dict(row), "scopes": frozenset(map(Scope, row["scopes"]))})


_ADD = Statement(insert(api_keys).values({name: bindparam(name) for name in _NAMES}))
_after = bindparam("after", type_=Uuid)
_PAGE = Statement(
    select(*KEY_COLUMNS)
    .where(api_keys.c.revoked_at.is_(None), or_(_after.is_(None), api_keys.c.id < _after))
    .order_by(api_keys.c.id.desc())
    .limit(bindparam("size", type_=BigInteger))
)
_REVOKE = Statement(
    update(api_keys)
    .values(revoked_at=bindparam("now"))
    .where(api_keys.c.id == bindparam("key_id"), api_keys.c.revoked_at.is_(None))
    .returning(api_keys.c.id)
)


@dataclass(frozen=True, slots=True)
class PostgresApiKeys:
    queries: Queries

    async def add(self, key: ApiKey) -> None:
        values = {name: getattr(key, name) for name in _NAMES}
        await self.queries.execute(_ADD, **{**values, "scopes": sorted(key.scopes)})

    async def page_of(self, request: ListRequest) -> ListPage[ApiKey]:
        rows = await self.queries.all(_PAGE, after=request.after_id, size=request.limit + 1)
        return ListPage.of([*map(key_from, rows)], request, lambda key: key.id.int)

    async def revoke(self, key_id: KeyId, now: datetime) -> None:
        if await self.queries.one(_REVOKE, key_id=key_id, now=now) is None:
            raise KeyNotFound

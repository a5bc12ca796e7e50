from dataclasses import dataclass

from sqlalchemy import bindparam, delete, insert, select, update

from referral.adapters.postgres.database import Queries
from referral.adapters.postgres.statement import Statement
from referral.adapters.postgres.tables import refresh_tokens
from referral.domain.errors import InvalidRefreshToken
from referral.domain.refresh_token import Digest, FamilyId, RefreshToken
from referral.domain.user import UserId

_NAMES = ("digest", "family_id", "user_id", "credentials_version", "expires_at", "spent_at")

_ADD = Statement(insert(refresh_tokens).values({name: bindparam(name) for name in _NAMES}))
_LOCK = Statement(
    select(*(refresh_tokens.c[name] for name in _NAMES))
    .where(refresh_tokens.c.digest == bindparam("digest"))
    .with_for_update()
)
_SAVE = Statement(
    update(refresh_tokens)
    .values(spent_at=bindparam("spent"))
    .where(refresh_tokens.c.digest == bindparam("which"))
)
_REVOKE_FAMILY = Statement(
    delete(refresh_tokens).where(refresh_tokens.c.family_id == bindparam("family_id"))
)
_REVOKE_ALL = Statement(
    delete(refresh_tokens).where(refresh_tokens.c.user_id == bindparam("user_id"))
)


@dataclass(frozen=True, slots=True)
class PostgresRefreshTokens:
    queries: Queries

    async def add(self, token: RefreshToken) -> None:
        await self.queries.one(_ADD, **{name: getattr(token, name) for name in _NAMES})

    async def lock(self, digest: Digest) -> RefreshToken:
        row = await self.queries.one(_LOCK, digest=digest)
        if row is None:
            raise InvalidRefreshToken
        return RefreshToken(**dict(row))

    async def save(self, token: RefreshToken) -> None:
        await self.queries.one(_SAVE, which=token.digest, spent=token.spent_at)

    async def revoke_family(self, family_id: FamilyId) -> None:
        await self.queries.one(_REVOKE_FAMILY, family_id=family_id)

    async def revoke_all_of(self, user_id: UserId) -> None:
        await self.queries.one(_REVOKE_ALL, user_id=user_id)

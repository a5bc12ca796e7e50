from dataclasses import dataclass

from sqlalchemy import bindparam, delete, insert, select, update

from referral.adapters.postgres.access.tables import refresh_tokens
from referral.adapters.postgres.accounts.sightings import sighting_of, values_of
from referral.adapters.postgres.accounts.tables import users
from referral.adapters.postgres.accounts.user_rows import (
    USER_COLUMNS,
    user_from,
    user_with_referrer,
)
from referral.adapters.postgres.core.database import Queries
from referral.adapters.postgres.core.statement import Statement
from referral.domain.access.errors import InvalidRefreshToken, WrongCredentials
from referral.domain.access.refresh_token import Digest, FamilyId, RefreshToken
from referral.domain.accounts.sighting import Sighting
from referral.domain.accounts.user import User, UserId

_NAMES = ("digest", "family_id", "user_id", "credentials_version", "expires_at", "spent_at")

_given = {name: bindparam(name, type_=refresh_tokens.c[name].type) for name in _NAMES}
# FOR SHARE waits for a change of the credentials or an erasure that is under way, and then sees its outcome;
# log-ins do not wait for each other.
_new = (
    insert(refresh_tokens)
    .from_select(
        _NAMES,
        select(*_given.values())
        .where(
            users.c.id == _given["user_id"],
            users.c.credentials_version == _given["credentials_version"],
            users.c.erased_at.is_(None),
        )
        .with_for_update(read=True, of=users),
    )
    .returning(refresh_tokens.c.user_id)
)
_added = _new.cte("added")
_ADD = Statement(_new)
_ADD_SEEN = Statement(select(_added.c.user_id).add_cte(sighting_of(_added.c.user_id)))
_this_token = refresh_tokens.c.digest == bindparam("digest")
_LOCK_HOLDER = Statement(
    select(*USER_COLUMNS)
    .select_from(user_with_referrer.join(refresh_tokens, refresh_tokens.c.user_id == users.c.id))
    .where(_this_token, users.c.erased_at.is_(None))
    .with_for_update(of=users, key_share=True)
)
_BY_DIGEST = Statement(select(*(refresh_tokens.c[name] for name in _NAMES)).where(_this_token))
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

    async def add(self, token: RefreshToken, sighting: Sighting | None = None) -> None:
        values = {name: getattr(token, name) for name in _NAMES}
        if sighting is None:
            row = await self.queries.one(_ADD, **values)
        else:
            row = await self.queries.one(_ADD_SEEN, **values, **values_of(sighting))
        if row is None:
            raise WrongCredentials

    async def by_digest(self, digest: Digest) -> RefreshToken:
        row = await self.queries.one(_BY_DIGEST, digest=digest)
        if row is None:
            raise InvalidRefreshToken
        return RefreshToken(**dict(row))

    async def lock(self, digest: Digest) -> tuple[RefreshToken, User]:
        # In two statements: what a statement reads beside the row it waits for is from before it waited.
        holder = await self.queries.one(_LOCK_HOLDER, digest=digest)
        if holder is None:
            raise InvalidRefreshToken
        return await self.by_digest(digest), user_from(holder)

    async def save(self, token: RefreshToken) -> None:
        await self.queries.execute(_SAVE, which=token.digest, spent=token.spent_at)

    async def revoke_family(self, family_id: FamilyId) -> None:
        await self.queries.execute(_REVOKE_FAMILY, family_id=family_id)

    async def revoke_all_of(self, user_id: UserId) -> None:
        await self.queries.execute(_REVOKE_ALL, user_id=user_id)

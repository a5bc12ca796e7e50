from dataclasses import dataclass
from datetime import datetime

import asyncpg
from sqlalchemy import ColumnElement, bindparam, delete, null, or_, select, update

from referral.adapters.postgres.access.tables import administrators
from referral.adapters.postgres.accounts.tables import network_sightings, users
from referral.adapters.postgres.accounts.user_rows import (
    is_added,
    participant_from,
    participants,
    user_from,
)
from referral.adapters.postgres.core.database import Queries
from referral.adapters.postgres.core.statement import Statement
from referral.domain.accounts.errors import EmailTaken, UsernameTaken, UserNotFound
from referral.domain.accounts.sighting import Sighting
from referral.domain.accounts.user import (
    EmailAddress,
    ErasedUser,
    Participant,
    User,
    UserId,
    Username,
)
from referral.domain.errors import DatabaseUnavailable

_username_key = bindparam("username_key", type_=users.c.username_key.type)
_email_key = bindparam("email_key", type_=users.c.email_key.type)
_this_user: ColumnElement[bool] = (users.c.id == bindparam("user_id")) & users.c.erased_at.is_(None)

_TAKEN = Statement(
    select((users.c.email_key == _email_key).label("by_email")).where(
        or_(users.c.username_key == _username_key, users.c.email_key == _email_key)
    )
)
_user = participants.where(users.c.password_hash.is_not(None))
_BY_ID = Statement(_user.where(_this_user))
_LOCK = Statement(participants.where(_this_user).with_for_update(of=users, key_share=True))
_BY_USERNAME = Statement(_user.where(users.c.username_key == bindparam("key")))
_BY_EMAIL = Statement(_user.where(users.c.email_key == bindparam("key")))
_SET_PASSWORD = Statement(
    update(users)
    .values(password_hash=bindparam("new_hash"))
    .where(_this_user, users.c.password_hash == bindparam("old_hash"))
    .returning(users.c.id),
    on_the_side=True,
)
_CHANGE_CREDENTIALS = Statement(
    update(users)
    .values(
        password_hash=bindparam("new_hash"),
        credentials_version=bindparam("new_version"),
        credentials_changed_at=bindparam("now"),
    )
    .where(_this_user)
)
_without_role = (
    delete(administrators)
    .where(administrators.c.user_id == bindparam("user_id"))
    .returning(administrators.c.user_id)
    .cte("without_role")
)
_not_seen = (
    delete(network_sightings)
    .where(network_sightings.c.person_id == bindparam("user_id"))
    .cte("not_seen")
)
_ERASE = Statement(
    update(users)
    .add_cte(_without_role, _not_seen)
    .values(
        username=null(),
        username_key=null(),
        email=null(),
        email_key=null(),
        password_hash=null(),
        external_id=null(),
        locale=null(),
        credentials_version=bindparam("new_version"),
        credentials_changed_at=bindparam("now"),
        erased_at=bindparam("now"),
    )
    .where(_this_user)
)


@dataclass(frozen=True, slots=True)
class PostgresUsers:
    queries: Queries

    async def add(self, user: User, sighting: Sighting | None = None) -> None:
        if not await is_added(self.queries, user, user.password_hash, sighting):
            await self.ensure_free(user.username, user.email)
            raise DatabaseUnavailable  # who was in the way is gone since: the next attempt may succeed

    async def ensure_free(self, username: Username, email: EmailAddress) -> None:
        taken = await self.queries.one(_TAKEN, username_key=username.key, email_key=email.key)
        if taken is not None:
            raise EmailTaken if taken["by_email"] else UsernameTaken

    async def by_id(self, user_id: UserId) -> User:
        return user_from(await self._row(_BY_ID, user_id))

    async def lock(self, user_id: UserId) -> Participant:
        return participant_from(await self._row(_LOCK, user_id))

    async def _row(self, statement: Statement, user_id: UserId) -> asyncpg.Record:
        row = await self.queries.one(statement, user_id=user_id)
        if row is None:
            raise UserNotFound
        return row

    async def by_login(self, key: str) -> User | None:
        if "\0" in key:  # PostgreSQL's text has no NUL
            return None
        row = await self.queries.one(_BY_EMAIL if "@" in key else _BY_USERNAME, key=key)
        return None if row is None else user_from(row)

    async def set_password(self, user: User, password_hash: str, *, instead_of: str) -> bool:
        row = await self.queries.one(
            _SET_PASSWORD, user_id=user.id, new_hash=password_hash, old_hash=instead_of
        )
        return row is not None

    async def change_credentials(self, user: User, now: datetime) -> None:
        await self.queries.execute(
            _CHANGE_CREDENTIALS,
            user_id=user.id,
            new_hash=user.password_hash,
            new_version=user.credentials_version,
            now=now,
        )

    async def erase(self, user: ErasedUser) -> None:
        await self.queries.execute(
            _ERASE, user_id=user.id, new_version=user.credentials_version, now=user.erased_at
        )

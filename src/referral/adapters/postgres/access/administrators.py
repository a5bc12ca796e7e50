from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Text, bindparam, delete, select
from sqlalchemy.dialects.postgresql import insert

from referral.adapters.postgres.access.tables import administrators
from referral.adapters.postgres.accounts.tables import users
from referral.adapters.postgres.core.database import Queries
from referral.adapters.postgres.core.metadata import INSTANT
from referral.adapters.postgres.core.statement import Statement
from referral.application.access.ports import Administrator
from referral.domain.access.errors import NotAnAdministrator
from referral.domain.accounts.errors import UserNotFound
from referral.domain.accounts.user import EmailAddress, PublicUser, UserId, Username

_with_this_address = users.c.email_key == bindparam("email_key", type_=Text)
# FOR SHARE waits for an erasure that is under way, and then finds nobody. An update that changes nothing tells who
# had the role already.
_GRANT = Statement(
    insert(administrators)
    .from_select(
        ["user_id", "granted_at"],
        select(users.c.id, bindparam("now", type_=INSTANT))
        .where(_with_this_address)
        .with_for_update(read=True, of=users),
    )
    .on_conflict_do_update(
        index_elements=["user_id"], set_={"granted_at": administrators.c.granted_at}
    )
    .returning(administrators.c.user_id)
)
_REVOKE = Statement(
    delete(administrators)
    .where(administrators.c.user_id == users.c.id, _with_this_address)
    .returning(administrators.c.user_id)
)
_ALL = Statement(
    select(users.c.id, users.c.username, users.c.email, administrators.c.granted_at)
    .join_from(administrators, users)
    .order_by(administrators.c.granted_at, users.c.id)
)


@dataclass(frozen=True, slots=True)
class PostgresAdministrators:
    queries: Queries

    async def grant(self, email: EmailAddress, now: datetime) -> UserId:
        row = await self.queries.one(_GRANT, email_key=email.key, now=now)
        if row is None:
            raise UserNotFound
        return UserId(row["user_id"])

    async def revoke(self, email: EmailAddress) -> UserId:
        row = await self.queries.one(_REVOKE, email_key=email.key)
        if row is None:
            raise NotAnAdministrator
        return UserId(row["user_id"])

    async def all(self) -> Sequence[Administrator]:
        return [
            Administrator(
                PublicUser(
                    id=row["id"],
                    username=Username(row["username"]),
                    email=EmailAddress(row["email"]),
                ),
                row["granted_at"],
            )
            for row in await self.queries.all(_ALL)
        ]

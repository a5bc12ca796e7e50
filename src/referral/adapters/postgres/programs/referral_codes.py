from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg
from sqlalchemy import (
    BigInteger,
    Text,
    Uuid,
    bindparam,
    exists,
    func,
    literal,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from referral.adapters.postgres.accounts.tables import users
from referral.adapters.postgres.core.database import Queries
from referral.adapters.postgres.core.metadata import INSTANT
from referral.adapters.postgres.core.statement import Statement
from referral.adapters.postgres.programs.tables import ACTIVE_WHILE, referral_codes
from referral.application.pages import Page, PageRequest
from referral.domain.accounts.errors import UserNotFound
from referral.domain.accounts.user import EmailAddress, PublicUser, UserId, Username
from referral.domain.programs.errors import ActiveCodeExists, CodeNotFound, CodeTaken
from referral.domain.programs.referral_code import CodeText, NewReferralCode, ReferralCode

CODE_COLUMNS = (
    referral_codes.c.id,
    referral_codes.c.owner_id,
    referral_codes.c.text,
    referral_codes.c.issued_at,
    referral_codes.c.expires_at,
    referral_codes.c.retired_at,
)


def _code_from(row: asyncpg.Record) -> ReferralCode:
    return ReferralCode(
        id=row["id"],
        owner_id=row["owner_id"],
        text=CodeText(row["text"]),
        issued_at=row["issued_at"],
        expires_at=row["expires_at"],
        retired_at=row["retired_at"],
    )


_now = bindparam("now", type_=INSTANT)
_active = referral_codes.c.retired_at.is_(None) & (referral_codes.c.expires_at > _now)

# The owner's row is locked first, as everywhere: two inserts at once that exclude each other would otherwise
# wait for one another, and PostgreSQL takes a second to find such a deadlock.
_owner = (
    select(users.c.id)
    .where(users.c.id == bindparam("owner_id"), users.c.erased_at.is_(None))
    .with_for_update(key_share=True)
    .cte("owner")
)
_issued_at = bindparam("issued_at", type_=INSTANT)
_expires_at = bindparam("expires_at", type_=INSTANT)
# A process whose clock is ahead may have withdrawn the last code in this one's future, by a millisecond or an hour.
_withdrawn_at = (
    select(func.max(referral_codes.c.retired_at))
    .where(
        referral_codes.c.owner_id == _owner.c.id,
        ACTIVE_WHILE.op("@>")(_issued_at),
        referral_codes.c.retired_at.is_not(None),
    )
    .scalar_subquery()
)
_not_before = func.greatest(_issued_at, _withdrawn_at)
_ADD = Statement(
    insert(referral_codes)
    .from_select(
        ["owner_id", "text", "issued_at", "expires_at"],
        select(_owner.c.id, bindparam("text", type_=Text), _not_before, _expires_at).where(
            _not_before < _expires_at
        ),
    )
    # What callers can provoke is no error in PostgreSQL's log, which would hold their values.
    .on_conflict_do_nothing()
    .returning(*CODE_COLUMNS)
)
_WHY_NOT_ADDED = Statement(
    select(exists().where(referral_codes.c.text == bindparam("text")).label("text_is_taken")).where(
        users.c.id == bindparam("owner_id"), users.c.erased_at.is_(None)
    )
)
_BY_TEXT = Statement(select(*CODE_COLUMNS).where(referral_codes.c.text == bindparam("text")))
_RETIRE = Statement(
    update(referral_codes)
    .values(retired_at=bindparam("now"))
    .where(referral_codes.c.id == bindparam("code_id"))
)
_RETIRE_ALL = Statement(
    update(referral_codes)
    .values(retired_at=func.greatest(_now, referral_codes.c.issued_at))
    .where(referral_codes.c.owner_id == bindparam("owner"), _active)
)
# The time must not tell whether the address is nobody's: a code is looked for all the same, and before its owner,
# which an outer join sees to.
_named = users.alias("named")
_owner_by_email = func.coalesce(
    select(_named.c.id).where(_named.c.email_key == bindparam("email_key")).scalar_subquery(),
    literal(UUID(int=0), Uuid),
)
_ACTIVE_BY_EMAIL = Statement(
    select(*CODE_COLUMNS, users.c.username, users.c.email)
    .select_from(referral_codes.outerjoin(users, users.c.id == referral_codes.c.owner_id))
    .where(referral_codes.c.owner_id == _owner_by_email, _active)
)
_listed = (referral_codes.c.owner_id == bindparam("owner")) & referral_codes.c.retired_at.is_(None)
_count = select(func.count().label("total")).where(_listed).subquery("count")
_page = (
    select(*CODE_COLUMNS)
    .where(_listed)
    .order_by(referral_codes.c.id)
    .limit(bindparam("size", type_=BigInteger))
    .offset(bindparam("offset", type_=BigInteger))
    .subquery("page")
)
_PAGE = Statement(
    select(_count.c.total, _page).select_from(_count.outerjoin(_page, true())).order_by(_page.c.id)
)


@dataclass(frozen=True, slots=True)
class PostgresReferralCodes:
    queries: Queries

    async def add(self, code: NewReferralCode) -> ReferralCode:
        row = await self.queries.one(
            _ADD,
            owner_id=code.owner_id,
            text=code.text.value,
            issued_at=code.issued_at,
            expires_at=code.expires_at,
        )
        if row is not None:
            return _code_from(row)
        owner = await self.queries.one(_WHY_NOT_ADDED, owner_id=code.owner_id, text=code.text.value)
        if owner is None:
            raise UserNotFound
        raise CodeTaken if owner["text_is_taken"] else ActiveCodeExists

    async def by_text(self, text: CodeText) -> ReferralCode:
        row = await self.queries.one(_BY_TEXT, text=text.value)
        if row is None:
            raise CodeNotFound
        return _code_from(row)

    async def retire(self, code: ReferralCode) -> None:
        await self.queries.execute(_RETIRE, code_id=code.id, now=code.retired_at)

    async def retire_all_of(self, owner_id: UserId, now: datetime) -> None:
        await self.queries.execute(_RETIRE_ALL, owner=owner_id, now=now)

    async def active_by_email(
        self, email: EmailAddress, now: datetime
    ) -> tuple[ReferralCode, PublicUser]:
        row = await self.queries.one(_ACTIVE_BY_EMAIL, email_key=email.key, now=now)
        if row is None:
            raise CodeNotFound
        owner = PublicUser(
            id=row["owner_id"],
            username=row["username"] and Username(row["username"]),
            email=EmailAddress(row["email"]),
        )
        return _code_from(row), owner

    async def page_of(self, owner_id: UserId, request: PageRequest) -> Page[ReferralCode]:
        rows = await self.queries.all(
            _PAGE, owner=owner_id, size=request.size, offset=request.offset
        )
        items = [_code_from(row) for row in rows if row["id"] is not None]
        return Page(items, rows[0]["total"], request.page, request.size)

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg
from sqlalchemy import (
    BigInteger,
    Uuid,
    bindparam,
    func,
    literal,
    literal_column,
    or_,
    select,
    true,
    update,
)

from referral.adapters.postgres.accounts.tables import users
from referral.adapters.postgres.core.database import Queries
from referral.adapters.postgres.core.metadata import INSTANT
from referral.adapters.postgres.core.statement import Statement
from referral.adapters.postgres.programs.code_rows import (
    CODE_COLUMNS,
    PROGRAM_COLUMNS,
    code_from,
    code_with_program,
    program_from,
)
from referral.adapters.postgres.programs.issuing import ADD, WHY_NOT_ADDED
from referral.adapters.postgres.programs.tables import programs, referral_codes
from referral.application.pages import ListPage, ListRequest, Page, PageRequest
from referral.application.programs.ports import ProgramChanged, RetiredCode
from referral.domain.accounts.errors import UserNotFound
from referral.domain.accounts.user import EmailAddress, PublicUser, UserId, Username
from referral.domain.programs.errors import ActiveCodeExists, CodeNotFound, CodeTaken
from referral.domain.programs.program import ProgramId, Slug
from referral.domain.programs.referral_code import CodeText, NewReferralCode, ReferralCode

_now = bindparam("now", type_=INSTANT)
_active = referral_codes.c.retired_at.is_(None) & (referral_codes.c.expires_at > _now)

_code = select(*CODE_COLUMNS, *PROGRAM_COLUMNS).select_from(code_with_program)
_BY_TEXT = Statement(_code.where(referral_codes.c.text == bindparam("text")))
_RETIRE = Statement(
    update(referral_codes)
    .values(retired_at=bindparam("now"))
    .where(referral_codes.c.id == bindparam("code_id"))
)
_retire_active = (
    update(referral_codes)
    .values(retired_at=func.greatest(_now, referral_codes.c.issued_at))
    .where(referral_codes.c.owner_id == bindparam("owner"), _active)
)
_retired = (
    referral_codes.c.id,
    referral_codes.c.text,
    select(programs.c.slug)
    .where(programs.c.id == referral_codes.c.program_id)
    .scalar_subquery()
    .label("slug"),
)
_RETIRE_ALL = Statement(_retire_active.returning(*_retired))
_RETIRE_ACTIVE = Statement(
    _retire_active.where(referral_codes.c.program_id == bindparam("program_id")).returning(
        *_retired
    )
)
# The time must not tell whether the address is nobody's: a code is looked for all the same, and before its owner,
# which an outer join sees to.
_named = users.alias("named")
_owner_by_email = func.coalesce(
    select(_named.c.id).where(_named.c.email_key == bindparam("email_key")).scalar_subquery(),
    literal(UUID(int=0), Uuid),
)
_ACTIVE_BY_EMAIL = Statement(
    select(*CODE_COLUMNS, *PROGRAM_COLUMNS, users.c.username, users.c.email)
    .select_from(code_with_program.outerjoin(users, users.c.id == referral_codes.c.owner_id))
    .where(
        referral_codes.c.owner_id == _owner_by_email,
        referral_codes.c.program_id == literal_column("1"),  # `default`
        _active,
    )
)
_listed = (referral_codes.c.owner_id == bindparam("owner")) & referral_codes.c.retired_at.is_(None)
_count = select(func.count().label("total")).where(_listed).subquery("count")
_page = (
    _code.where(_listed)
    .order_by(referral_codes.c.id)
    .limit(bindparam("size", type_=BigInteger))
    .offset(bindparam("offset", type_=BigInteger))
    .subquery("page")
)
_after = bindparam("after", type_=BigInteger)
_NEWEST = Statement(
    _code.where(_listed, or_(_after.is_(None), referral_codes.c.id < _after))
    .order_by(referral_codes.c.id.desc())
    .limit(bindparam("size", type_=BigInteger))
)
_PAGE = Statement(
    select(_count.c.total, _page).select_from(_count.outerjoin(_page, true())).order_by(_page.c.id)
)


def _retired_from(row: asyncpg.Record) -> RetiredCode:
    return RetiredCode(row["id"], CodeText(row["text"]), Slug(row["slug"]))


@dataclass(frozen=True, slots=True)
class PostgresReferralCodes:
    queries: Queries

    async def add(self, code: NewReferralCode) -> ReferralCode:
        program = code.program.program
        row = await self.queries.one(
            ADD,
            owner_id=code.owner_id,
            program_id=program.id,
            revision=program.revision,
            text=code.text.value,
            issued_at=code.issued_at,
            expires_at=code.expires_at,
            max_uses=code.program.terms.code.max_uses,
        )
        if row is not None:
            return code_from(row, code.program.of_code)
        owner = await self.queries.one(
            WHY_NOT_ADDED,
            owner_id=code.owner_id,
            program_id=program.id,
            revision=program.revision,
            text=code.text.value,
        )
        if owner is None:
            raise UserNotFound
        if not owner["program_is_known"]:
            raise ProgramChanged
        raise CodeTaken if owner["text_is_taken"] else ActiveCodeExists

    async def by_text(self, text: CodeText) -> ReferralCode:
        row = await self.queries.one(_BY_TEXT, text=text.value)
        if row is None:
            raise CodeNotFound
        return code_from(row, program_from(row))

    async def retire(self, code: ReferralCode) -> None:
        await self.queries.execute(_RETIRE, code_id=code.id, now=code.retired_at)

    async def retire_all_of(self, owner_id: UserId, now: datetime) -> Sequence[RetiredCode]:
        rows = await self.queries.all(_RETIRE_ALL, owner=owner_id, now=now)
        return [*map(_retired_from, rows)]

    async def retire_active(
        self, owner_id: UserId, program_id: ProgramId, now: datetime
    ) -> Sequence[RetiredCode]:
        rows = await self.queries.all(
            _RETIRE_ACTIVE, owner=owner_id, program_id=program_id, now=now
        )
        return [*map(_retired_from, rows)]

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
        return code_from(row, program_from(row)), owner

    async def page_of(self, owner_id: UserId, request: PageRequest) -> Page[ReferralCode]:
        rows = await self.queries.all(
            _PAGE, owner=owner_id, size=request.size, offset=request.offset
        )
        items = [code_from(row, program_from(row)) for row in rows if row["id"] is not None]
        return Page(items, rows[0]["total"], request.page, request.size)

    async def newest_of(self, owner_id: UserId, request: ListRequest) -> ListPage[ReferralCode]:
        rows = await self.queries.all(
            _NEWEST, owner=owner_id, after=request.after_number, size=request.limit + 1
        )
        codes = [code_from(row, program_from(row)) for row in rows]
        return ListPage.of(codes, request, lambda code: code.id)

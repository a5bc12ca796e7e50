from dataclasses import dataclass

from sqlalchemy import (
    BigInteger,
    Integer,
    Text,
    Uuid,
    bindparam,
    func,
    insert,
    literal_column,
    select,
    true,
    update,
)

from referral.adapters.postgres.accounts.tables import users
from referral.adapters.postgres.core.database import Queries
from referral.adapters.postgres.core.metadata import INSTANT
from referral.adapters.postgres.core.statement import Statement
from referral.adapters.postgres.programs.tables import referrals
from referral.application.pages import MAX_SIZE, Page, PageRequest
from referral.application.programs.ports import Referee
from referral.domain.accounts.user import UserId
from referral.domain.programs.referral import Referral

_counted = (
    update(users)
    .values(referrals_count=users.c.referrals_count + 1)
    .where(users.c.id == bindparam("referrer_id"))
    .returning(users.c.id, users.c.referrals_count)
    .cte("counted")
)
_ADD = Statement(
    insert(referrals).from_select(
        [
            *("referrer_id", "number", "referee_id", "code_id", "created_at"),
            *("program_id", "terms_version", "status", "qualified_at"),
        ],
        select(
            _counted.c.id,
            _counted.c.referrals_count,
            bindparam("referee_id", type_=Uuid),
            bindparam("code_id", type_=BigInteger),
            bindparam("created_at", type_=INSTANT),
            bindparam("program_id", type_=Integer),
            bindparam("terms_version", type_=Integer),
            bindparam("status", type_=Text),
            bindparam("qualified_at", type_=INSTANT),
        ),
    )
)

# One range of the key, wherever in the list it is: `newest` is where the page starts. The limit says nothing
# new but lets the planner know how few rows it is about, so that one plan serves every size.
_referrer = users.alias("referrer")
_newest = func.coalesce(
    bindparam("cursor", type_=BigInteger) - 1,
    _referrer.c.referrals_count - bindparam("offset", type_=BigInteger),
)
_part = (
    select(referrals.c.number, referrals.c.referee_id, referrals.c.created_at)
    .where(
        referrals.c.referrer_id == _referrer.c.id,
        referrals.c.number <= _newest,
        referrals.c.number > _newest - bindparam("size", type_=BigInteger),
    )
    .order_by(referrals.c.number.desc())
    .limit(literal_column(str(MAX_SIZE)))
    .lateral("part")
)
PAGE = Statement(
    select(
        _referrer.c.referrals_count,
        _part.c.number,
        _part.c.referee_id,
        _part.c.created_at,
        users.c.email,
        users.c.username,
    )
    .select_from(
        _referrer.outerjoin(_part, true()).outerjoin(users, users.c.id == _part.c.referee_id)
    )
    .where(_referrer.c.id == bindparam("referrer_id"))
    .order_by(_part.c.number.desc())
)


@dataclass(frozen=True, slots=True)
class PostgresReferrals:
    queries: Queries

    async def add(self, referral: Referral) -> None:
        await self.queries.execute(
            _ADD,
            referrer_id=referral.referrer_id,
            referee_id=referral.referee_id,
            code_id=referral.code_id,
            created_at=referral.created_at,
            program_id=referral.program_id,
            terms_version=referral.terms_version,
            status=referral.status.value,
            qualified_at=referral.qualified_at,
        )

    async def page_of(self, referrer_id: UserId, request: PageRequest) -> Page[Referee]:
        size, cursor = request.size, request.cursor
        rows = await self.queries.all(
            PAGE, referrer_id=referrer_id, size=size, offset=request.offset, cursor=cursor
        )
        if not rows or rows[0]["number"] is None:
            return Page([], rows[0]["referrals_count"] if rows else 0, request.page, size)
        total = rows[0]["referrals_count"]
        last = rows[-1]["number"]
        return Page(
            [
                Referee(row["referee_id"], row["email"], row["username"], row["created_at"])
                for row in rows
            ],
            total,
            request.page if cursor is None else (total - rows[0]["number"]) // size + 1,
            size,
            last if last > 1 else None,
        )

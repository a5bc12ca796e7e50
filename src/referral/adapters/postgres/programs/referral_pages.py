"""Pages of a referrer's people, by the numbers of their referrals."""

from collections.abc import Sequence

import asyncpg
from sqlalchemy import BigInteger, bindparam, func, literal_column, select, true

from referral.adapters.postgres.accounts.tables import users
from referral.adapters.postgres.core.statement import Statement
from referral.adapters.postgres.programs.tables import referrals
from referral.application.pages import MAX_SIZE, Page, PageRequest
from referral.application.programs.ports import Referee

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


def page_from(rows: Sequence[asyncpg.Record], request: PageRequest) -> Page[Referee]:
    size = request.size
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
        request.page if request.cursor is None else (total - rows[0]["number"]) // size + 1,
        size,
        last if last > 1 else None,
    )

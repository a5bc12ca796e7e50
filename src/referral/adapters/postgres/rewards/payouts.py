from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg
from sqlalchemy import BigInteger, Text, Uuid, bindparam, cast, func, insert, or_, select

from referral.adapters.postgres.accounts.tables import users
from referral.adapters.postgres.core.database import Queries
from referral.adapters.postgres.core.statement import Statement
from referral.adapters.postgres.rewards.tables import payouts, rewards
from referral.application.accounts.participant_reference import reference_to
from referral.application.pages import ListPage, ListRequest
from referral.application.rewards.ports import PayoutLine
from referral.domain.accounts.external_id import ExternalId
from referral.domain.rewards.errors import PayoutNotFound
from referral.domain.rewards.payout import Payout
from referral.domain.rewards.reward import PayoutId

_NAMES = ("id", "reference", "unit", "amount", "rewards", "asked", "created_at")
_payouts = select(*(payouts.c[name] for name in _NAMES))
_reference = bindparam("reference", type_=Text)
# The first number keeps these apart from locks for other things.
_CLAIM = Statement(select(func.pg_advisory_xact_lock(7_214, func.hashtext(_reference))))
_BY_REFERENCE = Statement(_payouts.where(payouts.c.reference == _reference))
_FIND = Statement(_payouts.where(payouts.c.id == bindparam("payout_id", type_=Uuid)))
_ADD = Statement(insert(payouts).values({name: bindparam(name) for name in _NAMES}))
_cursor = bindparam("cursor", type_=Uuid)
_NEWEST = Statement(
    _payouts.where(or_(_cursor.is_(None), payouts.c.id < _cursor))
    .order_by(payouts.c.id.desc())
    .limit(bindparam("size", type_=BigInteger))
)
_after = bindparam("after", type_=Uuid)
_some = (
    _payouts.where(or_(_after.is_(None), payouts.c.id > _after))
    .order_by(payouts.c.id)
    .limit(bindparam("size", type_=BigInteger))
    .cte("some")
)
_LINES = Statement(
    select(
        *_some.c,
        rewards.c.beneficiary_id,
        users.c.external_id,
        cast(func.sum(rewards.c.amount), BigInteger).label("sum"),
    )
    .join_from(_some, rewards, rewards.c.payout_id == _some.c.id)
    .join(users, users.c.id == rewards.c.beneficiary_id)
    .group_by(*_some.c, rewards.c.beneficiary_id, users.c.external_id)
    .order_by(_some.c.id, rewards.c.beneficiary_id)
)


def _payout_from(row: asyncpg.Record) -> Payout:
    return Payout(**{name: row[name] for name in _NAMES})


@dataclass(frozen=True, slots=True)
class PostgresPayouts:
    queries: Queries

    async def claim(self, reference: str) -> Payout | None:
        await self.queries.one(_CLAIM, reference=reference)
        row = await self.queries.one(_BY_REFERENCE, reference=reference)
        return None if row is None else _payout_from(row)

    async def add(self, payout: Payout) -> None:
        values = {name: getattr(payout, name) for name in _NAMES}
        await self.queries.execute(_ADD, **values)

    async def find(self, payout_id: PayoutId) -> Payout:
        row = await self.queries.one(_FIND, payout_id=payout_id)
        if row is None:
            raise PayoutNotFound
        return _payout_from(row)

    async def newest(self, request: ListRequest) -> ListPage[Payout]:
        rows = await self.queries.all(_NEWEST, cursor=request.after_id, size=request.limit + 1)
        return ListPage.of([*map(_payout_from, rows)], request, lambda payout: payout.id.int)

    async def lines(self, after: PayoutId | None, limit: int) -> Sequence[PayoutLine]:
        rows = await self.queries.all(_LINES, after=after, size=limit)
        return [
            PayoutLine(
                _payout_from(row),
                reference_to(
                    row["beneficiary_id"], row["external_id"] and ExternalId(row["external_id"])
                ),
                row["sum"],
            )
            for row in rows
        ]

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    Text,
    Uuid,
    any_,
    bindparam,
    func,
    literal_column,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY

from referral.adapters.postgres.accounts.tables import users
from referral.adapters.postgres.core.database import Queries
from referral.adapters.postgres.core.metadata import INSTANT
from referral.adapters.postgres.core.statement import Statement
from referral.adapters.postgres.programs.tables import programs
from referral.adapters.postgres.rewards.recording import record
from referral.adapters.postgres.rewards.room import room
from referral.adapters.postgres.rewards.tables import balances, rewards
from referral.application.accounts.participant_reference import reference_to
from referral.application.pages import MAX_SIZE, ListPage, ListRequest
from referral.application.rewards.ports import Balance, NamedReward, RewardFilter
from referral.domain.accounts.external_id import ExternalId
from referral.domain.accounts.user import UserId
from referral.domain.programs.program import ProgramId, Slug
from referral.domain.programs.referral import Referral
from referral.domain.programs.reward_rules import Side
from referral.domain.programs.terms import Terms
from referral.domain.rewards.caps import Room
from referral.domain.rewards.errors import RewardNotFound
from referral.domain.rewards.ledger import Change
from referral.domain.rewards.reward import Reward, RewardId, RewardStatus

_COLUMNS = [column for column in rewards.c if column.name != "side"]
REWARDS = select(*_COLUMNS, rewards.c.side.label("to"))
_OF_REFERRAL = Statement(
    REWARDS.where(rewards.c.referral_id == bindparam("referral_id", type_=Uuid))
    .order_by(rewards.c.id)
    .with_for_update()
)
_MILESTONES = Statement(
    REWARDS.where(
        rewards.c.beneficiary_id == bindparam("referrer_id", type_=Uuid),
        rewards.c.program_id == bindparam("program_id", type_=Integer),
        rewards.c.milestone.is_not(None),
    )
    .order_by(rewards.c.id)
    .with_for_update()
)
_DUE = Statement(
    REWARDS.where(
        rewards.c.status == RewardStatus.PENDING.value,
        rewards.c.due_at <= bindparam("now", type_=INSTANT),
    )
    .order_by(rewards.c.due_at)
    .limit(bindparam("size", type_=BigInteger))
    .with_for_update(skip_locked=True)
)
_AMONG = Statement(
    REWARDS.where(rewards.c.id == any_(bindparam("ids", type_=ARRAY(Uuid))))
    .order_by(rewards.c.id)
    .with_for_update()
)
_APPROVED = Statement(
    REWARDS.where(
        rewards.c.beneficiary_id == bindparam("beneficiary_id", type_=Uuid),
        rewards.c.program_id.in_(select(programs.c.id)),
        rewards.c.status == RewardStatus.APPROVED.value,
        rewards.c.unit == bindparam("unit", type_=Text),
    )
    .order_by(rewards.c.id)
    .limit(bindparam("size", type_=BigInteger))
    .with_for_update(of=rewards)
)
_named = (
    select(*_COLUMNS, rewards.c.side.label("to"), programs.c.slug, users.c.external_id)
    .join_from(rewards, programs, programs.c.id == rewards.c.program_id)
    .join(users, users.c.id == rewards.c.beneficiary_id)
)
_FIND = Statement(_named.where(rewards.c.id == bindparam("reward_id", type_=Uuid)))
_BALANCES = Statement(
    select(*(balances.c[name] for name in Balance._fields))
    .where(balances.c.beneficiary_id == bindparam("beneficiary_id", type_=Uuid))
    .order_by(balances.c.unit)
)

_statuses = (
    func.unnest(bindparam("statuses", type_=ARRAY(Text)))
    .table_valued("status")
    .render_derived("statuses")
)
_program_id = bindparam("program_id", type_=Integer)
_LAST: ColumnElement[UUID] = literal_column("'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid")


def _newest(*conditions: ColumnElement[bool]) -> Select[tuple[object, ...]]:
    """Merges the newest of each program and status, each of which is the end of one range of an index.

    The limit of a range says nothing new but lets the planner know how few rows it is about.
    """
    part = (
        select(rewards.c.id)
        .where(
            *conditions,
            rewards.c.program_id == programs.c.id,
            rewards.c.status == _statuses.c.status,
            rewards.c.id < func.coalesce(bindparam("cursor", type_=Uuid), _LAST),
        )
        .order_by(rewards.c.id.desc())
        .limit(literal_column(str(MAX_SIZE + 1)))
        .lateral("part")
    )
    page = (
        select(part.c.id)
        .select_from(programs.join(_statuses, true()).join(part, true()))
        .where(or_(_program_id.is_(None), programs.c.id == _program_id))
        .order_by(part.c.id.desc())
        .limit(bindparam("size", type_=BigInteger))
        .cte("page")
    )
    return _named.join(page, page.c.id == rewards.c.id).order_by(rewards.c.id.desc())


_NEWEST = Statement(_newest())
_NEWEST_OF = Statement(_newest(rewards.c.beneficiary_id == bindparam("beneficiary_id", type_=Uuid)))


def reward_from(row: asyncpg.Record) -> Reward:
    values = {column.name: row[column.name] for column in _COLUMNS}
    return Reward(**{**values, "status": RewardStatus(row["status"]), "to": Side(row["to"])})


def _named_from(row: asyncpg.Record) -> NamedReward:
    reward, external_id = reward_from(row), row["external_id"]
    whose = reference_to(reward.beneficiary_id, external_id and ExternalId(external_id))
    return NamedReward(reward, Slug(row["slug"]), whose)


@dataclass(frozen=True, slots=True)
class PostgresRewards:
    queries: Queries

    async def of_referral(self, referral_id: UserId) -> Sequence[Reward]:
        return await self._all(_OF_REFERRAL, referral_id=referral_id)

    async def milestones_of(self, referrer_id: UserId, program_id: ProgramId) -> Sequence[Reward]:
        return await self._all(_MILESTONES, referrer_id=referrer_id, program_id=program_id)

    async def room(
        self, referral: Referral, terms: Terms, now: datetime, milestones: Sequence[int] = ()
    ) -> Room:
        return await room(self.queries, referral, terms, now, milestones)

    async def due(self, now: datetime, limit: int) -> Sequence[Reward]:
        return await self._all(_DUE, now=now, size=limit)

    async def lock(self, reward_id: RewardId) -> Reward:
        for reward in await self._all(_AMONG, ids=[reward_id]):
            return reward
        raise RewardNotFound

    async def approved_of(self, beneficiary_id: UserId, unit: str, limit: int) -> Sequence[Reward]:
        return await self._all(_APPROVED, beneficiary_id=beneficiary_id, unit=unit, size=limit)

    async def among(self, reward_ids: Sequence[RewardId]) -> Sequence[Reward]:
        return await self._all(_AMONG, ids=[*reward_ids])

    async def record(self, changes: Sequence[Change], now: datetime) -> None:
        await record(self.queries, changes, now)

    async def find(self, reward_id: RewardId) -> NamedReward:
        row = await self.queries.one(_FIND, reward_id=reward_id)
        if row is None:
            raise RewardNotFound
        return _named_from(row)

    async def newest(self, wanted: RewardFilter, request: ListRequest) -> ListPage[NamedReward]:
        rows = await self.queries.all(
            _NEWEST if wanted.beneficiary_id is None else _NEWEST_OF,
            beneficiary_id=wanted.beneficiary_id,
            program_id=wanted.program_id,
            statuses=[*map(str, [wanted.status] if wanted.status else RewardStatus)],
            cursor=None if request.cursor is None else UUID(int=request.cursor),
            size=request.limit + 1,
        )
        found = [*map(_named_from, rows)]
        return ListPage.of(found, request, lambda named: named.reward.id.int)

    async def balances(self, beneficiary_id: UserId) -> Sequence[Balance]:
        rows = await self.queries.all(_BALANCES, beneficiary_id=beneficiary_id)
        return [Balance(**{**row, "recoverable": -row["recoverable"]}) for row in rows]

    async def _all(self, statement: Statement, **values: object) -> Sequence[Reward]:
        return [*map(reward_from, await self.queries.all(statement, **values))]

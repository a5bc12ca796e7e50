from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Integer,
    Text,
    Uuid,
    all_,
    any_,
    bindparam,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY

from referral.adapters.postgres.core.database import Queries
from referral.adapters.postgres.core.metadata import INSTANT
from referral.adapters.postgres.core.statement import Statement
from referral.adapters.postgres.programs.tables import programs
from referral.adapters.postgres.rewards.named_rewards import (
    NAMED,
    NEWEST,
    NEWEST_OF,
    REWARDS,
    named_from,
    reward_from,
)
from referral.adapters.postgres.rewards.recording import record
from referral.adapters.postgres.rewards.room import room
from referral.adapters.postgres.rewards.tables import balances, rewards
from referral.application.pages import ListPage, ListRequest
from referral.application.rewards.ports import Balance, NamedReward, RewardFilter
from referral.domain.accounts.user import UserId
from referral.domain.programs.program import ProgramId
from referral.domain.programs.referral import Referral
from referral.domain.programs.terms import Terms
from referral.domain.rewards.caps import Room
from referral.domain.rewards.errors import RewardNotFound
from referral.domain.rewards.ledger import Change
from referral.domain.rewards.reward import Reward, RewardId, RewardStatus

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
        rewards.c.id != all_(bindparam("but", type_=ARRAY(Uuid))),
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
_BALANCES = Statement(
    select(*(balances.c[name] for name in Balance._fields))
    .where(balances.c.beneficiary_id == bindparam("beneficiary_id", type_=Uuid))
    .order_by(balances.c.unit)
)


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

    async def due(
        self, now: datetime, limit: int, but: Collection[RewardId] = ()
    ) -> Sequence[Reward]:
        return await self._all(_DUE, now=now, size=limit, but=[*but])

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
        for named in await self.named([reward_id]):
            return named
        raise RewardNotFound

    async def named(self, reward_ids: Sequence[RewardId]) -> Sequence[NamedReward]:
        return [*map(named_from, await self.queries.all(NAMED, ids=[*reward_ids]))]

    async def newest(self, wanted: RewardFilter, request: ListRequest) -> ListPage[NamedReward]:
        rows = await self.queries.all(
            NEWEST if wanted.beneficiary_id is None else NEWEST_OF,
            beneficiary_id=wanted.beneficiary_id,
            program_id=wanted.program_id,
            statuses_status=[*map(str, [wanted.status] if wanted.status else RewardStatus)],
            cursor=request.after_id,
            size=request.limit + 1,
        )
        found = [*map(named_from, rows)]
        return ListPage.of(found, request, lambda named: named.reward.id.int)

    async def balances(self, beneficiary_id: UserId) -> Sequence[Balance]:
        rows = await self.queries.all(_BALANCES, beneficiary_id=beneficiary_id)
        return [Balance(**{**row, "recoverable": -row["recoverable"]}) for row in rows]

    async def _all(self, statement: Statement, **values: object) -> Sequence[Reward]:
        return [*map(reward_from, await self.queries.all(statement, **values))]

"""Everything about rewards at one moment, a share at a time."""

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Select,
    Text,
    Uuid,
    any_,
    bindparam,
    cast,
    func,
    or_,
    select,
    union,
)
from sqlalchemy.dialects.postgresql import ARRAY

from referral.adapters.postgres.core.database import Database, Snapshot
from referral.adapters.postgres.core.statement import Statement
from referral.adapters.postgres.programs.kept_terms import terms_from
from referral.adapters.postgres.programs.tables import program_terms, programs, referrals
from referral.adapters.postgres.rewards.decisions import told_after_end
from referral.adapters.postgres.rewards.events import event_from
from referral.adapters.postgres.rewards.histories import EVENTS, histories, size
from referral.adapters.postgres.rewards.milestone_sums import MILESTONES
from referral.adapters.postgres.rewards.named_rewards import REWARDS, reward_from
from referral.adapters.postgres.rewards.refusals import IS_REFUSAL
from referral.adapters.postgres.rewards.sums import SUMS
from referral.adapters.postgres.rewards.tables import decisions, events, ledger_entries, rewards
from referral.domain.accounts.user import UserId
from referral.domain.programs.program import ProgramStatus
from referral.domain.programs.referral import ReferralStatus
from referral.domain.programs.terms import Terms
from referral.domain.rewards.decision import Reason
from referral.domain.rewards.event import Event
from referral.domain.rewards.excuses import Turn
from referral.domain.rewards.history import Cohort, History
from referral.domain.rewards.ledger import Account
from referral.domain.rewards.proof import Case, Difference
from referral.domain.rewards.qualification import Facts
from referral.domain.rewards.reward import Reward, RewardId

_FIRST = UUID(int=0)

_after, _size = bindparam("after", type_=Uuid), bindparam("size", type_=BigInteger)


def _next(column: Any) -> Select[Any]:
    """The next ids of one table: a range of its index, whose repetitions are passed over."""
    part = (
        select(column.label("id")).where(column > _after).distinct().order_by(column).limit(_size)
    )
    return select(part.subquery().c.id)


_ids = union(
    _next(events.c.participant_id), _next(rewards.c.referral_id), _next(decisions.c.referral_id)
).subquery("ids")
_IDS = Statement(select(_ids.c.id).order_by(_ids.c.id).limit(_size))
_given_ids = any_(bindparam("ids", type_=ARRAY(Uuid)))
_REFERRALS = Statement(
    select(
        referrals.c.referee_id,
        referrals.c.referrer_id,
        referrals.c.created_at,
        referrals.c.status,
        referrals.c.qualified_at,
        referrals.c.program_id,
        referrals.c.terms_version,
        (programs.c.status == ProgramStatus.ENDED.value).label("is_over"),
    )
    .join_from(referrals, programs, programs.c.id == referrals.c.program_id)
    .where(referrals.c.referee_id == _given_ids)
    .order_by(referrals.c.referee_id)
)
_REWARDS = Statement(REWARDS.where(rewards.c.referral_id == _given_ids).order_by(rewards.c.id))
_ENTRIES = Statement(
    select(
        ledger_entries.c.reward_id,
        ledger_entries.c.account,
        cast(func.sum(ledger_entries.c.amount), BigInteger).label("amount"),
    )
    .where(ledger_entries.c.reward_id == _given_ids)
    .group_by(ledger_entries.c.reward_id, ledger_entries.c.account)
)
_TERMS = Statement(
    select(
        program_terms.c.program_id,
        program_terms.c.version,
        cast(program_terms.c.terms, Text).label("terms"),
    )
)
_TURNS = Statement(
    select(decisions.c.referral_id, decisions.c.rule, decisions.c.reason, decisions.c.event).where(
        decisions.c.referral_id == _given_ids,
        or_(IS_REFUSAL, decisions.c.reason == Reason.QUALIFIED.value),
    )
)
_COUNT = Statement(select(func.count().label("events")).select_from(events))


@dataclass(frozen=True, slots=True)
class PostgresOpenBooks:
    snapshot: Snapshot
    terms: dict[tuple[int, int], Terms]

    async def events(self) -> int:
        [row] = await self.snapshot.all(_COUNT)
        count: int = row["events"]
        return count

    async def cases(self, after: UserId | None, limit: int) -> Sequence[Case]:
        last = after or _FIRST
        while ids := [r["id"] for r in await self.snapshot.all(_IDS, after=last, size=limit)]:
            found = await self._cases(ids)
            if found:
                return found
            last = ids[-1]
        return []

    async def _cases(self, ids: Sequence[UUID]) -> Sequence[Case]:
        """Of those who were referred."""
        told: dict[UUID, list[Event]] = defaultdict(list)
        given: dict[UUID, list[Reward]] = defaultdict(list)
        sums: dict[RewardId, dict[Account, int]] = defaultdict(dict)
        for row in await self.snapshot.all(EVENTS, ids=ids):
            told[row["participant_id"]].append(event_from(row))
        for row in await self.snapshot.all(_REWARDS, ids=ids):
            given[row["referral_id"]].append(reward_from(row))
        reward_ids = [reward.id for rewards_of in given.values() for reward in rewards_of]
        for row in await self.snapshot.all(_ENTRIES, ids=reward_ids):
            sums[row["reward_id"]][Account(row["account"])] = row["amount"]
        referred = await self.snapshot.all(_REFERRALS, ids=ids)
        over = [row["referee_id"] for row in referred if row["is_over"]]
        late = await told_after_end(self.snapshot, over)
        return [
            Case(
                referral_id=row["referee_id"],
                referrer_id=row["referrer_id"],
                program_id=row["program_id"],
                terms_version=row["terms_version"],
                terms=self.terms[row["program_id"], row["terms_version"]],
                facts=Facts(
                    referred_at=row["created_at"],
                    status=ReferralStatus(row["status"]),
                    qualified_at=row["qualified_at"],
                    is_over=row["is_over"],
                    told_after_end=late.get(row["referee_id"], ()),
                ),
                events=told[row["referee_id"]],
                rewards=given[row["referee_id"]],
                entries=sums,
            )
            for row in referred
        ]

    async def turns(self, referral_ids: Sequence[UserId]) -> Sequence[Turn]:
        rows = await self.snapshot.all(_TURNS, ids=[*referral_ids])
        return [Turn(**{**row, "reason": Reason(row["reason"])}) for row in rows]

    async def size(self, cohort: Cohort, most: int | None) -> int:
        return await size(self.snapshot, cohort, most)

    def histories(self, cohort: Cohort, at_a_time: int) -> AsyncIterator[Sequence[History]]:
        return histories(self.snapshot, cohort, at_a_time)

    async def sums(self) -> AsyncIterator[Difference]:
        for statement in (*SUMS, *MILESTONES):
            for row in await self.snapshot.all(statement):
                yield Difference(row["of"], row["stored"], row["computed"])


@dataclass(frozen=True, slots=True)
class PostgresBooks:
    database: Database

    @asynccontextmanager
    async def open(self) -> AsyncIterator[PostgresOpenBooks]:
        async with self.database.snapshot() as snapshot:
            terms = {
                (row["program_id"], row["version"]): terms_from(row["terms"])
                for row in await snapshot.all(_TERMS)
            }
            yield PostgresOpenBooks(snapshot, terms)

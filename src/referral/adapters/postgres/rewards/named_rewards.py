"""Rewards with what their parts are called by: some of them, or a part of a list."""

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
from referral.adapters.postgres.core.statement import Statement
from referral.adapters.postgres.core.unnested import unnested
from referral.adapters.postgres.programs.tables import programs
from referral.adapters.postgres.rewards.tables import rewards
from referral.application.accounts.participant_reference import reference_to
from referral.application.pages import MAX_SIZE
from referral.application.rewards.ports import NamedReward
from referral.domain.accounts.external_id import ExternalId
from referral.domain.programs.program import Slug
from referral.domain.programs.reward_rules import Side
from referral.domain.rewards.reward import Reward, RewardStatus

_COLUMNS = [column for column in rewards.c if column.name != "side"]
REWARDS = select(*_COLUMNS, rewards.c.side.label("to"))
_whose = REWARDS.add_columns(users.c.external_id).join(
    users, users.c.id == rewards.c.beneficiary_id
)
_named = _whose.add_columns(programs.c.slug).join(programs, programs.c.id == rewards.c.program_id)
NAMED = Statement(
    _named.where(rewards.c.id == any_(bindparam("ids", type_=ARRAY(Uuid)))).order_by(rewards.c.id)
)

_statuses = unnested("statuses", {"status": Text()})
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
        select(part.c.id, programs.c.slug)
        .select_from(programs.join(_statuses, true()).join(part, true()))
        .where(or_(_program_id.is_(None), programs.c.id == _program_id))
        .order_by(part.c.id.desc())
        .limit(bindparam("size", type_=BigInteger))
        .cte("page")
    )
    return (
        _whose.add_columns(page.c.slug)
        .join(page, page.c.id == rewards.c.id)
        .order_by(rewards.c.id.desc())
    )


NEWEST = Statement(_newest())
NEWEST_OF = Statement(_newest(rewards.c.beneficiary_id == bindparam("beneficiary_id", type_=Uuid)))


_STATUSES = {status.value: status for status in RewardStatus}
_SIDES = {side.value: side for side in Side}


def reward_from(row: asyncpg.Record) -> Reward:
    # Member by member, for lists: a dataclass takes longer to be made of a mapping.
    return Reward(
        id=row["id"],
        referral_id=row["referral_id"],
        program_id=row["program_id"],
        terms_version=row["terms_version"],
        rule=row["rule"],
        to=_SIDES[row["to"]],
        beneficiary_id=row["beneficiary_id"],
        amount=row["amount"],
        unit=row["unit"],
        status=_STATUSES[row["status"]],
        created_at=row["created_at"],
        due_at=row["due_at"],
        cause=row["cause"],
        shared=row["shared"],
        milestone=row["milestone"],
        recovers=row["recovers"],
        budgeted=row["budgeted"],
        payout_id=row["payout_id"],
    )


def named_from(row: asyncpg.Record) -> NamedReward:
    reward, external_id = reward_from(row), row["external_id"]
    whose = reference_to(reward.beneficiary_id, external_id and ExternalId(external_id))
    return NamedReward(reward, Slug(row["slug"]), whose)

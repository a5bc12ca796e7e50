"""What caps are held against, under the locks that keep it so."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import (
    BigInteger,
    Integer,
    Text,
    Uuid,
    any_,
    bindparam,
    collate,
    func,
    literal,
    literal_column,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY, insert

from referral.adapters.postgres.core.database import Queries
from referral.adapters.postgres.core.metadata import INSTANT
from referral.adapters.postgres.core.statement import Statement
from referral.adapters.postgres.programs.tables import referrals
from referral.adapters.postgres.rewards.tables import budgets, rewards
from referral.domain.programs.program import ProgramId
from referral.domain.programs.referral import Referral, ReferralStatus
from referral.domain.programs.reward_rules import Side
from referral.domain.programs.terms import Terms
from referral.domain.rewards.caps import Room
from referral.domain.rewards.reward import RewardStatus

_EVER = datetime.min.replace(tzinfo=UTC)
_qualified = (
    select(literal(1))
    .where(
        referrals.c.referrer_id == bindparam("referrer_id", type_=Uuid),
        referrals.c.program_id == bindparam("program_id", type_=Integer),
        referrals.c.status == ReferralStatus.QUALIFIED.value,
    )
    # Nobody asks how many there are beyond the highest milestone.
    .limit(bindparam("most_qualified", type_=BigInteger))
    .subquery("qualified")
)
_recovery = rewards.alias("recovery")
_recovered = (
    select(func.coalesce(func.sum(_recovery.c.amount), 0))
    .where(_recovery.c.recovers == rewards.c.id)
    .correlate(rewards)
    .scalar_subquery()
)
_rewarded = (
    select(literal(1))
    .where(
        rewards.c.beneficiary_id == bindparam("referrer_id", type_=Uuid),
        rewards.c.program_id == bindparam("program_id", type_=Integer),
        rewards.c.created_at > bindparam("since", type_=INSTANT),
        rewards.c.side == Side.REFERRER.value,
        rewards.c.recovers.is_(None),
        *(rewards.c.status != status.value for status in RewardStatus if not status.counts),
        # Nothing else is recovered, and who looks for it pays for it.
        or_(rewards.c.status != RewardStatus.PAID.value, rewards.c.amount + _recovered > 0),
    )
    .limit(bindparam("most_rewarded", type_=BigInteger))
    .subquery("rewarded")
)
_COUNT = Statement(
    select(
        select(func.count()).select_from(_qualified).scalar_subquery().label("qualified"),
        select(func.count()).select_from(_rewarded).scalar_subquery().label("rewarded"),
    )
)
_units = bindparam("units", type_=ARRAY(Text))
_of_units = (
    budgets.c.program_id == bindparam("program_id", type_=Integer),
    budgets.c.unit == any_(_units),
)
_SPENT = Statement(
    select(budgets.c.unit, budgets.c.spent)
    .where(*_of_units)
    .order_by(collate(budgets.c.unit, "C"))
    .with_for_update()
)
_OPEN = Statement(
    insert(budgets)
    .from_select(
        ["program_id", "unit", "spent"],
        select(
            bindparam("program_id", type_=Integer),
            func.unnest(_units),
            literal_column("0"),
        ),
    )
    .on_conflict_do_nothing()
)


async def room(
    queries: Queries,
    referral: Referral,
    terms: Terms,
    now: datetime,
    milestones: Sequence[int],
) -> Room:
    cap = terms.caps.referrer
    reached = [rule.at_qualified for rule in terms.rewards if rule.at_qualified is not None]
    most_qualified = max([*reached, *milestones], default=-1) + 1
    counts = {"qualified": 0, "rewarded": 0}
    if most_qualified or cap:
        [row] = await queries.all(
            _COUNT,
            referrer_id=referral.referrer_id,
            program_id=referral.program_id,
            most_qualified=most_qualified,
            most_rewarded=cap.rewards if cap else 0,
            since=now - timedelta(cap.per_days) if cap and cap.per_days else _EVER,
        )
        counts = dict(row)
    return Room(**counts, spent=await _spent(queries, referral.program_id, terms))


async def _spent(queries: Queries, program_id: ProgramId, terms: Terms) -> Mapping[str, int]:
    units = sorted(budget.unit for budget in terms.caps.budget)
    if not units:
        return {}
    rows = await queries.all(_SPENT, program_id=program_id, units=units)
    if len(rows) < len(units):
        await queries.execute(_OPEN, program_id=program_id, units=units)
        rows = await queries.all(_SPENT, program_id=program_id, units=units)
    return {row["unit"]: row["spent"] for row in rows}

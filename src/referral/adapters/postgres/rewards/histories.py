"""What happened to the referrals of a program, a share at a time."""

from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Sequence
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import (
    BigInteger,
    Integer,
    Uuid,
    any_,
    bindparam,
    func,
    literal,
    or_,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY

from referral.adapters.postgres.accounts.tables import users
from referral.adapters.postgres.core.database import Snapshot
from referral.adapters.postgres.core.metadata import INSTANT
from referral.adapters.postgres.core.statement import Statement
from referral.adapters.postgres.programs.named_referrals import REFERRAL_NAMES, referral_from
from referral.adapters.postgres.programs.tables import programs, referrals
from referral.adapters.postgres.rewards.decisions import told_after_end
from referral.adapters.postgres.rewards.events import EVENT_COLUMNS, event_from
from referral.adapters.postgres.rewards.tables import events
from referral.domain.programs.program import ProgramStatus
from referral.domain.rewards.event import EventNumber
from referral.domain.rewards.history import Cohort, History

_since, _until = bindparam("since", type_=INSTANT), bindparam("until", type_=INSTANT)
_in_cohort = (
    referrals.c.program_id == bindparam("program_id", type_=Integer),
    or_(_since.is_(None), referrals.c.created_at >= _since),
    or_(_until.is_(None), referrals.c.created_at < _until),
)
_counted = (
    union_all(
        select(literal(1)).select_from(referrals).where(*_in_cohort),
        select(literal(1))
        .join_from(referrals, events, events.c.participant_id == referrals.c.referee_id)
        .where(*_in_cohort),
    )
    .limit(bindparam("most", type_=BigInteger))
    .subquery("counted")
)
_SIZE = Statement(select(func.count().label("size")).select_from(_counted))
_REFERRALS = Statement(
    select(
        *(referrals.c[name] for name in REFERRAL_NAMES),
        users.c.erased_at,
        (programs.c.status == ProgramStatus.ENDED.value).label("is_over"),
    )
    .join_from(referrals, users, users.c.id == referrals.c.referrer_id)
    .join(programs, programs.c.id == referrals.c.program_id)
    .where(*_in_cohort)
)
EVENTS = Statement(
    select(*EVENT_COLUMNS, events.c.recorded_at)
    .where(events.c.participant_id == any_(bindparam("ids", type_=ARRAY(Uuid))))
    .order_by(events.c.number)
)


async def size(snapshot: Snapshot, cohort: Cohort, most: int | None) -> int:
    [row] = await snapshot.all(_SIZE, most=most, **_values(cohort))
    count: int = row["size"]
    return count


async def histories(
    snapshot: Snapshot, cohort: Cohort, at_a_time: int
) -> AsyncIterator[Sequence[History]]:
    async for rows in snapshot.shares(_REFERRALS, at_a_time, **_values(cohort)):
        told: dict[UUID, list[asyncpg.Record]] = defaultdict(list)
        for row in await snapshot.all(EVENTS, ids=[row["referee_id"] for row in rows]):
            told[row["participant_id"]].append(row)
        over = [row["referee_id"] for row in rows if row["is_over"]]
        late = await told_after_end(snapshot, over)
        yield [
            _history(row, told[row["referee_id"]], late.get(row["referee_id"], ())) for row in rows
        ]


def _history(
    row: asyncpg.Record, told: Sequence[asyncpg.Record], late: Collection[EventNumber]
) -> History:
    return History(
        referral=referral_from(row),
        events=[*map(event_from, told)],
        recorded_at=[event["recorded_at"] for event in told],
        referrer_erased_at=row["erased_at"],
        told_after_end=late,
    )


def _values(cohort: Cohort) -> dict[str, Any]:
    return {"program_id": cohort.program_id, "since": cohort.since, "until": cohort.until}

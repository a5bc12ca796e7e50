import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg
from sqlalchemy import (
    BigInteger,
    Integer,
    Text,
    Uuid,
    any_,
    bindparam,
    cast,
    insert,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from referral.adapters.postgres.core.database import Queries, Snapshot
from referral.adapters.postgres.core.metadata import INSTANT
from referral.adapters.postgres.core.statement import Statement
from referral.adapters.postgres.core.unnested import listed, unnested
from referral.adapters.postgres.rewards.tables import decisions
from referral.application.rewards.ports import MadeDecision
from referral.domain.accounts.user import UserId
from referral.domain.rewards.decision import Decision, Reason
from referral.domain.rewards.event import EventNumber

MADE = ("rule", "outcome", "reason", "reward_id")
INPUTS = cast(decisions.c.inputs, Text).label("inputs")

_new = unnested(
    "new",
    {
        "at": INSTANT,
        "referral_id": Uuid(),
        "terms_version": Integer(),
        "event": BigInteger(),
        "rule": Text(),
        "outcome": Text(),
        "reason": Text(),
        "inputs": Text(),
        "reward_id": Uuid(),
    },
)
_ADD = Statement(
    insert(decisions).from_select(
        [*_new.c.keys()],
        select(*(cast(c, JSONB) if c.name == "inputs" else c for c in _new.c)),
    )
)
_OF = Statement(
    select(
        decisions.c.at,
        decisions.c.referral_id,
        decisions.c.terms_version,
        decisions.c.event,
        *(decisions.c[name] for name in MADE),
        INPUTS,
    )
    .where(
        decisions.c.referral_id == bindparam("referral_id", type_=Uuid),
        decisions.c.at <= bindparam("until", type_=INSTANT),
    )
    .order_by(decisions.c.number)
)

_TOLD_AFTER_END = Statement(
    select(decisions.c.referral_id, decisions.c.event).where(
        decisions.c.referral_id == any_(bindparam("ids", type_=ARRAY(Uuid))),
        decisions.c.reason == literal_column(f"'{Reason.PROGRAM_ENDED}'"),
    )
)


async def told_after_end(
    queries: Queries | Snapshot, ids: Sequence[UUID]
) -> Mapping[UUID, Collection[EventNumber]]:
    """By referral, the events that changed nothing, because the program had ended."""
    told: dict[UUID, set[EventNumber]] = defaultdict(set)
    for row in await queries.all(_TOLD_AFTER_END, ids=ids) if ids else ():
        told[row["referral_id"]].add(row["event"])
    return told


def decision_from(row: asyncpg.Record) -> Decision:
    return Decision(
        rule=row["rule"],
        outcome=row["outcome"],
        reason=Reason(row["reason"]),
        inputs=json.loads(row["inputs"]),
        reward_id=row["reward_id"],
    )


def _row(made: MadeDecision) -> dict[str, object]:
    decision = made.decision
    return {
        "at": made.at,
        "referral_id": made.referral_id,
        "terms_version": made.terms_version,
        "event": made.event,
        "rule": decision.rule,
        "outcome": str(decision.outcome),
        "reason": str(decision.reason),
        # For any encoding of the database.
        "inputs": json.dumps(dict(decision.inputs), ensure_ascii=False),
        "reward_id": decision.reward_id,
    }


@dataclass(frozen=True, slots=True)
class PostgresDecisions:
    queries: Queries

    async def add(self, made: Sequence[MadeDecision]) -> None:
        await self.queries.execute(_ADD, **listed(_new, map(_row, made)))

    async def told_after_end(self, referral_id: UserId) -> Collection[EventNumber]:
        return (await told_after_end(self.queries, [referral_id])).get(referral_id, ())

    async def of(self, referral_id: UserId, until: datetime) -> Sequence[MadeDecision]:
        rows = await self.queries.all(_OF, referral_id=referral_id, until=until)
        return [
            MadeDecision(
                row["referral_id"],
                row["terms_version"],
                decision_from(row),
                row["at"],
                row["event"],
            )
            for row in rows
        ]

"""What became of rewards, with the entries of the ledger, the balances and the budgets.

The rewards are locked already. Budgets come next and balances last, each in the order of their keys, so that nobody waits
in a circle.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import (
    BigInteger,
    Boolean,
    Integer,
    Text,
    Uuid,
    collate,
    insert,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert

from referral.adapters.postgres.core.database import Queries
from referral.adapters.postgres.core.metadata import INSTANT
from referral.adapters.postgres.core.statement import Statement
from referral.adapters.postgres.core.unnested import listed, unnested
from referral.adapters.postgres.rewards.tables import (
    BALANCE_HAS_AN_END,
    balances,
    budgets,
    ledger_entries,
    rewards,
)
from referral.domain.rewards.ledger import Account, Change, balance_is_full, entries
from referral.domain.rewards.reward import Reward

_KINDS: dict[str, Any] = {
    "id": Uuid(),
    "referral_id": Uuid(),
    "program_id": Integer(),
    "terms_version": Integer(),
    "rule": Text(),
    "side": Text(),
    "beneficiary_id": Uuid(),
    "amount": BigInteger(),
    "unit": Text(),
    "status": Text(),
    "created_at": INSTANT,
    "due_at": INSTANT,
    "cause": BigInteger(),
    "shared": BigInteger(),
    "milestone": Integer(),
    "recovers": Uuid(),
    "budgeted": Boolean(),
    "payout_id": Uuid(),
}
_ACCOUNTS = ("pending", "available", "paid", "recoverable")
_entries = unnested(
    "entries",
    {
        "at": INSTANT,
        "reward_id": Uuid(),
        "account": Text(),
        "amount": BigInteger(),
        "unit": Text(),
        "cause": Text(),
    },
)
_sums = unnested(
    "sums",
    {"beneficiary_id": Uuid(), "unit": Text(), **dict.fromkeys(_ACCOUNTS, BigInteger())},
)
_written = (
    insert(ledger_entries).from_select([*_entries.c.keys()], select(*_entries.c)).cte("written")
)

_new = unnested("new", _KINDS)
_added = insert(rewards).from_select([*_KINDS], select(*_new.c)).cte("added")
_opened = upsert(balances).from_select([*_sums.c.keys()], select(*_sums.c))
_ADD = Statement(
    _opened.on_conflict_do_update(
        constraint=balances.primary_key,
        set_={name: balances.c[name] + _opened.excluded[name] for name in _ACCOUNTS},
    ).add_cte(_added, _written)
)

_changed = unnested("changed", {n: _KINDS[n] for n in ("id", "amount", "status", "payout_id")})
_kept = (
    update(rewards)
    .values({name: _changed.c[name] for name in ("amount", "status", "payout_id")})
    .where(rewards.c.id == _changed.c.id)
    .cte("kept")
)
# An update takes its rows in no order that it promises.
_TAKE_TURNS = Statement(
    select(balances.c.beneficiary_id)
    .join(
        _sums,
        (balances.c.beneficiary_id == _sums.c.beneficiary_id) & (balances.c.unit == _sums.c.unit),
    )
    .order_by(balances.c.beneficiary_id, collate(balances.c.unit, "C"))
    .with_for_update(of=balances, key_share=True)
)
# What moves is in a balance that is there.
_CHANGE = Statement(
    update(balances)
    .values({name: balances.c[name] + _sums.c[name] for name in _ACCOUNTS})
    .where(
        balances.c.beneficiary_id == _sums.c.beneficiary_id,
        balances.c.unit == _sums.c.unit,
    )
    .add_cte(_kept, _written)
)

_costs = unnested("costs", {"program_id": Integer(), "unit": Text(), "amount": BigInteger()})
_SPEND = Statement(
    update(budgets)
    .values(spent=budgets.c.spent + _costs.c.amount)
    .where(budgets.c.program_id == _costs.c.program_id, budgets.c.unit == _costs.c.unit)
)


async def record(queries: Queries, changes: Sequence[Change], now: datetime) -> None:
    new = [change for change in changes if change.before is None]
    old = [change for change in changes if change.before is not None]
    for cost in _spent(changes):
        await queries.execute(_SPEND, **listed(_costs, [cost]))
    if old and len(sums := _sums_of(changes)) > 1:
        await queries.execute(_TAKE_TURNS, **listed(_sums, sums))
    for statement, rows, some in ((_ADD, _new, new), (_CHANGE, _changed, old)):
        if some:
            try:
                await queries.execute(
                    statement,
                    **listed(rows, (_row(change.after) for change in some)),
                    **listed(_entries, _entries_of(some, now)),
                    **listed(_sums, _sums_of(some)),
                )
            except asyncpg.CheckViolationError as refusal:
                if refusal.constraint_name != BALANCE_HAS_AN_END:
                    raise
                raise balance_is_full() from refusal


def _row(reward: Reward) -> Mapping[str, object]:
    row = {name: getattr(reward, name) for name in _KINDS if name != "side"}
    return {**row, "side": reward.to.value, "status": reward.status.value}


def _entries_of(changes: Iterable[Change], now: datetime) -> Iterator[Mapping[str, object]]:
    for change in changes:
        for account, amount in entries(change):
            yield {
                "at": now,
                "reward_id": change.after.id,
                "account": account.value,
                "amount": amount,
                "unit": change.after.unit,
                "cause": change.cause,
            }


def _sums_of(changes: Iterable[Change]) -> Sequence[Mapping[str, object]]:
    """What each balance changes by, in the order of their keys."""
    sums: dict[tuple[UUID, str], Counter[str]] = defaultdict(Counter)
    for change in changes:
        for account, amount in entries(change):
            if account != Account.BUDGET:
                sums[change.after.beneficiary_id, change.after.unit][str(account)] += amount
    return [
        {"beneficiary_id": whose, "unit": unit, **{name: of[name] for name in _ACCOUNTS}}
        for (whose, unit), of in sorted(sums.items())
    ]


def _spent(changes: Iterable[Change]) -> Sequence[Mapping[str, object]]:
    spent: Counter[tuple[int, str]] = Counter()
    for change in changes:
        if change.after.budgeted:
            cost = -dict(entries(change)).get(Account.BUDGET, 0)
            spent[change.after.program_id, change.after.unit] += cost
    return [
        {"program_id": program_id, "unit": unit, "amount": amount}
        for (program_id, unit), amount in sorted(spent.items())
        if amount
    ]

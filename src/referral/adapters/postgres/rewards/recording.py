"""What became of rewards, with the entries of the ledger, the balances and the budgets."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    Integer,
    Text,
    Uuid,
    insert,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert

from referral.adapters.postgres.core.database import Queries
from referral.adapters.postgres.core.metadata import INSTANT
from referral.adapters.postgres.core.statement import Statement
from referral.adapters.postgres.core.unnested import unnested
from referral.adapters.postgres.rewards.tables import balances, budgets, ledger_entries, rewards
from referral.domain.rewards.ledger import Account, Change, entries
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
_new = unnested("new", **_KINDS)
_ADD = Statement(insert(rewards).from_select([*_KINDS], select(*_new.c)))
_changed = unnested("changed", **{n: _KINDS[n] for n in ("id", "amount", "status", "payout_id")})
_CHANGE = Statement(
    update(rewards)
    .values(amount=_changed.c.amount, status=_changed.c.status, payout_id=_changed.c.payout_id)
    .where(rewards.c.id == _changed.c.id)
)
_entries = unnested(
    "entries",
    at=INSTANT,
    reward_id=Uuid(),
    account=Text(),
    amount=BigInteger(),
    unit=Text(),
    cause=Text(),
)
_WRITE = Statement(insert(ledger_entries).from_select([*_entries.c.keys()], select(*_entries.c)))
_ACCOUNTS = ("pending", "available", "paid", "recoverable")
_sums = unnested(
    "sums",
    beneficiary_id=Uuid(),
    unit=Text(),
    **dict.fromkeys(_ACCOUNTS, BigInteger()),
)
_opened = upsert(balances).from_select([*_sums.c.keys()], select(*_sums.c))
_OPEN = Statement(
    _opened.on_conflict_do_update(
        constraint=balances.primary_key,
        set_={name: balances.c[name] + _opened.excluded[name] for name in _ACCOUNTS},
    )
)
_MOVE = Statement(
    update(balances)
    .values({name: balances.c[name] + _sums.c[name] for name in _ACCOUNTS})
    .where(
        balances.c.beneficiary_id == _sums.c.beneficiary_id,
        balances.c.unit == _sums.c.unit,
    )
)
_costs = unnested("costs", program_id=Integer(), unit=Text(), amount=BigInteger())
_SPEND = Statement(
    update(budgets)
    .values(spent=budgets.c.spent + _costs.c.amount)
    .where(budgets.c.program_id == _costs.c.program_id, budgets.c.unit == _costs.c.unit)
)


async def record(queries: Queries, changes: Sequence[Change], now: datetime) -> None:
    added = [change.after for change in changes if change.before is None]
    changed = [change for change in changes if change.before is not None]
    if added:
        await queries.execute(_ADD, **_columns(map(_row, added), _KINDS))
    if changed:
        rows = (_row(change.after) for change in changed)
        await queries.execute(_CHANGE, **_columns(rows, _changed.c.keys()))
    written = [
        (now, change.after.id, str(account), amount, change.after.unit, change.cause)
        for change in changes
        for account, amount in entries(change)
    ]
    if written:
        names = [*_entries.c.keys()]
        await queries.execute(
            _WRITE, **_columns((dict(zip(names, w, strict=True)) for w in written), names)
        )
    # What is added to a balance opens it; what only moves is in one that is there.
    for statement, some in (
        (_OPEN, [change for change in changes if change.before is None]),
        (_MOVE, changed),
    ):
        sums = _sums_of(some)
        if sums:
            await queries.execute(statement, **_columns(sums, _sums.c.keys()))
    spent = _spent(changes)
    if spent:
        await queries.execute(_SPEND, **_columns(spent, _costs.c.keys()))


def _row(reward: Reward) -> Mapping[str, object]:
    row = {name: getattr(reward, name) for name in _KINDS if name != "side"}
    return {**row, "side": reward.to.value, "status": reward.status.value}


def _columns(rows: Iterable[Mapping[str, object]], names: Iterable[str]) -> dict[str, list[object]]:
    rows = [*rows]
    return {name: [row[name] for row in rows] for name in names}


def _sums_of(changes: Iterable[Change]) -> Sequence[Mapping[str, object]]:
    """What each balance changes by, in one order, so that nobody waits in a circle."""
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

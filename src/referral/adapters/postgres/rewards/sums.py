"""Where sums that are kept are not what they are the sums of: no rows, as long as nothing is wrong."""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    and_,
    cast,
    func,
    literal,
    or_,
    select,
)

from referral.adapters.postgres.core.statement import Statement
from referral.adapters.postgres.rewards.tables import (
    balances,
    budgets,
    ledger_entries,
    payouts,
    rewards,
)
from referral.domain.rewards.ledger import Account
from referral.domain.rewards.reward import RewardStatus

COUNTS = and_(*(rewards.c.status != s.value for s in RewardStatus if not s.counts))


def told(of: ColumnElement[Any], stored: ColumnElement[Any], computed: ColumnElement[Any]) -> Any:
    """What is wrong, in words; the rest of the statement says where."""
    return (
        of.label("of"),
        func.coalesce(cast(stored, Text), "nothing").label("stored"),
        func.coalesce(cast(computed, Text), "nothing").label("computed"),
    )


def words(*parts: object) -> ColumnElement[Any]:
    return func.concat(
        *(part if isinstance(part, ColumnElement) else literal(part, Text) for part in parts)
    )


_ACCOUNTS = [str(account) for account in Account if account != Account.BUDGET]
_entered = (
    select(
        rewards.c.beneficiary_id,
        ledger_entries.c.unit,
        *(
            func.coalesce(
                func.sum(ledger_entries.c.amount).filter(ledger_entries.c.account == name), 0
            ).label(name)
            for name in _ACCOUNTS
        ),
    )
    .join_from(ledger_entries, rewards, rewards.c.id == ledger_entries.c.reward_id)
    .where(ledger_entries.c.account != Account.BUDGET.value)
    .group_by(rewards.c.beneficiary_id, ledger_entries.c.unit)
    .subquery("entered")
)


def _balance(name: str) -> Select[Any]:
    stored, computed = balances.c[name], _entered.c[name]
    whose = func.coalesce(balances.c.beneficiary_id, _entered.c.beneficiary_id)
    unit = func.coalesce(balances.c.unit, _entered.c.unit)
    return (
        select(*told(words(f"The balance {name} of ", whose, " in ", unit), stored, computed))
        .select_from(
            balances.outerjoin(
                _entered,
                and_(
                    balances.c.beneficiary_id == _entered.c.beneficiary_id,
                    balances.c.unit == _entered.c.unit,
                ),
                full=True,
            )
        )
        .where(func.coalesce(stored, 0) != func.coalesce(computed, 0))
    )


_budgeted = (
    select(rewards.c.program_id, rewards.c.unit, func.sum(rewards.c.amount).label("spent"))
    .where(rewards.c.budgeted, COUNTS)
    .group_by(rewards.c.program_id, rewards.c.unit)
    .subquery("budgeted")
)
_same_budget = and_(
    budgets.c.program_id == _budgeted.c.program_id, budgets.c.unit == _budgeted.c.unit
)
_budget = (
    select(
        *told(
            words(
                "What is spent of the budget of the program ",
                func.coalesce(budgets.c.program_id, _budgeted.c.program_id),
                " in ",
                func.coalesce(budgets.c.unit, _budgeted.c.unit),
            ),
            budgets.c.spent,
            _budgeted.c.spent,
        )
    )
    .select_from(budgets.outerjoin(_budgeted, _same_budget, full=True))
    .where(func.coalesce(budgets.c.spent, 0) != func.coalesce(_budgeted.c.spent, 0))
)

_paid = (
    select(
        rewards.c.payout_id,
        func.sum(rewards.c.amount).label("amount"),
        func.count().label("rewards"),
    )
    .where(rewards.c.payout_id.is_not(None))
    .group_by(rewards.c.payout_id)
    .subquery("paid")
)
_payout = (
    select(
        *told(
            words("The payout ", payouts.c.reference),
            words(payouts.c.amount, " for ", payouts.c.rewards, " rewards"),
            words(_paid.c.amount, " for ", _paid.c.rewards, " rewards"),
        )
    )
    .select_from(payouts.outerjoin(_paid, _paid.c.payout_id == payouts.c.id))
    .where(
        or_(
            payouts.c.amount.is_distinct_from(_paid.c.amount),
            payouts.c.rewards.is_distinct_from(_paid.c.rewards),
        )
    )
)

SUMS = [Statement(statement) for statement in (*map(_balance, _ACCOUNTS), _budget, _payout)]

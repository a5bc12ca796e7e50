"""Payouts as a table, for those who really pay (RFC 4180)."""

import csv
import io
from collections.abc import AsyncIterator

from referral.application.rewards.ports import PayoutLine
from referral.domain.texts import written

_HEAD = ("payout", "reference", "created_at", "participant", "unit", "amount")


async def csv_of(lines: AsyncIterator[PayoutLine]) -> AsyncIterator[str]:
    """The lines as a table, a piece at a time."""
    yield _row(_HEAD)
    async for line in lines:
        made = line.payout
        when = written(made.created_at)
        yield _row((made.id, made.reference, when, line.beneficiary, made.unit, line.amount))


def _row(values: tuple[object, ...]) -> str:
    row = io.StringIO()
    csv.writer(row).writerow(values)
    return row.getvalue()

import json
from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Text,
    and_,
    bindparam,
    cast,
    func,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by

from referral.adapters.postgres.core.database import Queries
from referral.adapters.postgres.core.statement import Statement
from referral.adapters.postgres.programs.named_referrals import HELD, NAMED, named_from
from referral.adapters.postgres.programs.tables import referrals
from referral.adapters.postgres.rewards.decisions import INPUTS, MADE, decision_from
from referral.adapters.postgres.rewards.tables import decisions
from referral.application.pages import MAX_CURSOR, ListPage, ListRequest
from referral.application.rewards.ports import MadeDecision
from referral.application.rewards.reviews import NamedReview
from referral.domain.rewards.decision import REVIEW, Decision, Outcome, Reason
from referral.domain.rewards.review import ReviewStatus

_doubt = decisions.alias("doubt")


def _is_review(made: FromClause) -> ColumnElement[bool]:
    """A rule of terms may have the name, and decides about rewards."""
    return and_(made.c.rule == literal_column("'review'"), made.c.reward_id.is_(None))


# By an index of what people decided.
_page = (
    select(
        *(decisions.c[name] for name in ("number", "at", "referral_id", *MADE)),
        INPUTS,
    )
    .where(
        _is_review(decisions),
        decisions.c.reason == literal_column("'by-hand'"),
        decisions.c.outcome == bindparam("outcome", type_=Text),
        decisions.c.number <= bindparam("last", type_=BigInteger),
    )
    .order_by(decisions.c.number.desc())
    .limit(bindparam("size", type_=BigInteger))
    .cte("page")
)
_said = func.json_build_object("reason", _doubt.c.reason, "inputs", _doubt.c.inputs)
_doubts = (
    select(cast(func.json_agg(aggregate_order_by(_said, _doubt.c.number)), Text))
    .where(
        _doubt.c.referral_id == referrals.c.referee_id,
        _is_review(_doubt),
        _doubt.c.outcome == literal_column("'held'"),
    )
    .scalar_subquery()
    .label("doubts")
)
_DECIDED = Statement(
    NAMED.add_columns(*_page.c, _doubts)
    .join(_page, _page.c.referral_id == referrals.c.referee_id)
    .order_by(_page.c.number.desc())
)
_OPEN = Statement(HELD.add_columns(_doubts))


@dataclass(frozen=True, slots=True)
class PostgresReviews:
    queries: Queries

    async def page_of(self, status: ReviewStatus, request: ListRequest) -> ListPage[NamedReview]:
        if status is ReviewStatus.OPEN:
            return await self._open(request)
        last = MAX_CURSOR if request.cursor is None else min(request.cursor - 1, MAX_CURSOR)
        rows = await self.queries.all(
            _DECIDED, outcome=status.value, last=last, size=request.limit + 1
        )
        numbered = [(row["number"], _decided(row)) for row in rows]
        page = ListPage.of(numbered, request, lambda one: one[0])
        return ListPage([review for _, review in page.items], page.next_cursor)

    async def _open(self, request: ListRequest) -> ListPage[NamedReview]:
        rows = await self.queries.all(_OPEN, cursor=request.after_id, size=request.limit + 1)
        found = [NamedReview(named_from(row), _doubts_from(row), None) for row in rows]
        return ListPage.of(found, request, lambda review: review.named.referral.referee_id.int)


def _decided(row: asyncpg.Record) -> NamedReview:
    named = named_from(row)
    referral = named.referral
    made = MadeDecision(referral.referee_id, referral.terms_version, decision_from(row), row["at"])
    return NamedReview(named, _doubts_from(row), made)


def _doubts_from(row: asyncpg.Record) -> Sequence[Decision]:
    return tuple(
        Decision(
            rule=REVIEW,
            outcome=Outcome.HELD,
            reason=Reason(doubt["reason"]),
            inputs=doubt["inputs"],
        )
        for doubt in json.loads(row["doubts"] or "[]")
    )

"""Referrals with what their parts are called by: one, or a part of a list."""

import asyncpg
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    Text,
    Uuid,
    bindparam,
    case,
    func,
    literal_column,
    or_,
    select,
    true,
    tuple_,
)

from referral.adapters.postgres.accounts.tables import users
from referral.adapters.postgres.core.statement import Statement
from referral.adapters.postgres.core.unnested import unnested
from referral.adapters.postgres.programs.tables import programs, referral_codes, referrals
from referral.application.accounts.participant_reference import reference_to
from referral.application.pages import MAX_SIZE
from referral.application.programs.ports import NamedReferral
from referral.domain.accounts.external_id import ExternalId
from referral.domain.programs.program import Slug
from referral.domain.programs.referral import Referral, ReferralStatus
from referral.domain.programs.referral_code import CodeText

REFERRAL_NAMES = (
    *("referrer_id", "referee_id", "code_id", "program_id", "terms_version"),
    *("status", "created_at", "qualifies_until", "qualified_at", "held_reasons"),
)
_referrer, _referee = users.alias("referrer"), users.alias("referee")
_parts = (
    select(
        *(referrals.c[name] for name in REFERRAL_NAMES),
        referral_codes.c.text,
        _referrer.c.external_id.label("referrer"),
        _referee.c.external_id.label("referee"),
    )
    .join_from(referrals, referral_codes, referral_codes.c.id == referrals.c.code_id)
    .join(_referrer, _referrer.c.id == referrals.c.referrer_id)
    .join(_referee, _referee.c.id == referrals.c.referee_id)
)
NAMED = _parts.add_columns(programs.c.slug).join(programs, programs.c.id == referrals.c.program_id)
FIND = Statement(NAMED.where(referrals.c.referee_id == bindparam("referee_id", type_=Uuid)))

_cursor = bindparam("cursor", type_=Uuid)
_last = referrals.alias("last")
_earlier_than = tuple_(
    case(
        (_cursor.is_(None), literal_column("'infinity'::timestamptz")),
        else_=select(_last.c.created_at).where(_last.c.referee_id == _cursor).scalar_subquery(),
    ),
    func.coalesce(_cursor, literal_column("'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid")),
)
# By an index of those that are held.
HELD = (
    NAMED.where(
        referrals.c.held_reasons != literal_column("'{}'::text[]"),
        tuple_(referrals.c.created_at, referrals.c.referee_id) < _earlier_than,
    )
    .order_by(referrals.c.created_at.desc(), referrals.c.referee_id.desc())
    .limit(bindparam("size", type_=BigInteger))
)
_statuses = unnested("statuses", {"status": Text()})
_program_id = bindparam("program_id", type_=Integer)


def _newest(*conditions: ColumnElement[bool]) -> Select[tuple[object, ...]]:
    """Merges the newest of each program and status, each of which is the end of one range of an index.

    So what it costs depends on how many programs there are, and not on how many referrals. The limit of a range says
    nothing new but lets the planner know how few rows it is about, so that one plan serves every filter.
    """
    part = (
        select(referrals.c.created_at, referrals.c.referee_id)
        .where(
            *conditions,
            referrals.c.program_id == programs.c.id,
            referrals.c.status == _statuses.c.status,
            tuple_(referrals.c.created_at, referrals.c.referee_id) < _earlier_than,
        )
        .order_by(referrals.c.created_at.desc(), referrals.c.referee_id.desc())
        .limit(literal_column(str(MAX_SIZE + 1)))
        .lateral("part")
    )
    page = (
        select(part.c.referee_id, programs.c.slug)
        .select_from(programs.join(_statuses, true()).join(part, true()))
        .where(or_(_program_id.is_(None), programs.c.id == _program_id))
        .order_by(part.c.created_at.desc(), part.c.referee_id.desc())
        .limit(bindparam("size", type_=BigInteger))
        .cte("page")
    )
    return (
        _parts.add_columns(page.c.slug)
        .join(page, page.c.referee_id == referrals.c.referee_id)
        .order_by(referrals.c.created_at.desc(), referrals.c.referee_id.desc())
    )


NEWEST = Statement(_newest())
NEWEST_OF_REFERRER = Statement(
    _newest(referrals.c.referrer_id == bindparam("referrer_id", type_=Uuid))
)


_STATUSES = {status.value: status for status in ReferralStatus}


def referral_from(row: asyncpg.Record) -> Referral:
    # Member by member, for lists: a dataclass takes longer to be made of a mapping.
    return Referral(
        referrer_id=row["referrer_id"],
        referee_id=row["referee_id"],
        code_id=row["code_id"],
        program_id=row["program_id"],
        terms_version=row["terms_version"],
        status=_STATUSES[row["status"]],
        created_at=row["created_at"],
        qualifies_until=row["qualifies_until"],
        qualified_at=row["qualified_at"],
        held_reasons=tuple(row["held_reasons"]),
    )


def named_from(row: asyncpg.Record) -> NamedReferral:
    referral, referrer, referee = referral_from(row), row["referrer"], row["referee"]
    return NamedReferral(
        referral,
        Slug(row["slug"]),
        CodeText(row["text"]),
        reference_to(referral.referrer_id, referrer and ExternalId(referrer)),
        reference_to(referral.referee_id, referee and ExternalId(referee)),
    )

"""A referral with the terms that it was made under."""

import asyncpg
from sqlalchemy import Text, Uuid, bindparam, cast, select

from referral.adapters.postgres.core.statement import Statement
from referral.adapters.postgres.programs.kept_terms import terms_from
from referral.adapters.postgres.programs.named_referrals import REFERRAL_NAMES, referral_from
from referral.adapters.postgres.programs.tables import program_terms, programs, referrals
from referral.application.programs.ports import ReferralUnderTerms
from referral.domain.programs.program import ProgramStatus

UNDER_TERMS = Statement(
    select(
        *(referrals.c[name] for name in REFERRAL_NAMES),
        programs.c.status.label("program_status"),
        cast(program_terms.c.terms, Text).label("terms"),
    )
    .join_from(referrals, programs, programs.c.id == referrals.c.program_id)
    .join(
        program_terms,
        (program_terms.c.program_id == referrals.c.program_id)
        & (program_terms.c.version == referrals.c.terms_version),
    )
    .where(referrals.c.referee_id == bindparam("referee_id", type_=Uuid))
)


def under_terms_from(row: asyncpg.Record) -> ReferralUnderTerms:
    return ReferralUnderTerms(
        referral_from(row),
        terms_from(row["terms"]),
        row["program_status"] == ProgramStatus.ENDED,
    )

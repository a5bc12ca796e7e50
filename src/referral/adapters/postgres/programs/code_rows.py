"""A code as its row tells it, with what it has to know of its program."""

import asyncpg

from referral.adapters.postgres.programs.tables import programs, referral_codes
from referral.domain.programs.program import ProgramOfCode, ProgramStatus, Slug
from referral.domain.programs.referral_code import CodeText, ReferralCode

CODE_COLUMNS = (
    referral_codes.c.id,
    referral_codes.c.owner_id,
    referral_codes.c.text,
    referral_codes.c.issued_at,
    referral_codes.c.expires_at,
    referral_codes.c.retired_at,
    referral_codes.c.max_uses,
    referral_codes.c.uses,
    referral_codes.c.program_id,
)
PROGRAM_COLUMNS = (
    programs.c.slug,
    programs.c.status,
    programs.c.starts_at,
    programs.c.ends_at,
    programs.c.terms_version,
    programs.c.qualifies_at_sign_up,
    programs.c.judges_sign_ups,
    programs.c.attach_within_days,
    programs.c.qualifies_within_days,
)
code_with_program = referral_codes.join(programs, programs.c.id == referral_codes.c.program_id)


def code_from(row: asyncpg.Record, program: ProgramOfCode) -> ReferralCode:
    return ReferralCode(
        id=row["id"],
        owner_id=row["owner_id"],
        program=program,
        text=CodeText(row["text"]),
        issued_at=row["issued_at"],
        expires_at=row["expires_at"],
        retired_at=row["retired_at"],
        max_uses=row["max_uses"],
        uses=row["uses"],
    )


def program_from(row: asyncpg.Record) -> ProgramOfCode:
    return ProgramOfCode(
        id=row["program_id"],
        slug=Slug(row["slug"]),
        status=ProgramStatus(row["status"]),
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
        terms_version=row["terms_version"],
        qualifies_at_sign_up=row["qualifies_at_sign_up"],
        judges_sign_ups=row["judges_sign_ups"],
        attach_within_days=row["attach_within_days"],
        qualifies_within_days=row["qualifies_within_days"],
    )

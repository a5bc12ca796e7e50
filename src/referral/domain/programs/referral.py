"""The fact that one person brought another."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from referral.domain.accounts.user import User, UserId
from referral.domain.programs.program import ProgramId
from referral.domain.programs.referral_code import CodeId, ReferralCode
from referral.domain.programs.terms import TermsVersion


class ReferralStatus(StrEnum):
    SIGNED_UP = "signed_up"
    QUALIFIED = "qualified"
    REJECTED = "rejected"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Referral:
    """Who brought whom, by which code, when, and under which terms. That never changes, and a referee has at most one."""

    referrer_id: UserId
    referee_id: UserId
    code_id: CodeId
    program_id: ProgramId
    terms_version: TermsVersion
    status: ReferralStatus
    created_at: datetime
    qualified_at: datetime | None = None


def refer(referee: User, code: ReferralCode) -> Referral:
    """The referral that a new user makes by signing up with `code`; raise CodeNotUsable if it is too late."""
    now = referee.created_at
    code.ensure_usable(now)
    qualifies = code.program.qualifies_at_sign_up
    return Referral(
        referrer_id=code.owner_id,
        referee_id=referee.id,
        code_id=code.id,
        program_id=code.program.id,
        terms_version=code.program.terms_version,
        status=ReferralStatus.QUALIFIED if qualifies else ReferralStatus.SIGNED_UP,
        created_at=now,
        qualified_at=now if qualifies else None,
    )

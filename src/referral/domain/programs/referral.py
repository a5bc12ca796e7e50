"""The fact that one person brought another."""

from dataclasses import dataclass
from datetime import datetime

from referral.domain.accounts.user import User, UserId
from referral.domain.programs.referral_code import CodeId, ReferralCode


@dataclass(frozen=True, slots=True, kw_only=True)
class Referral:
    """Who brought whom, by which code, when. It never changes, and a referee has at most one."""

    referrer_id: UserId
    referee_id: UserId
    code_id: CodeId
    created_at: datetime


def refer(referee: User, code: ReferralCode) -> Referral:
    """The referral that a new user makes by signing up with `code`; raise CodeNotUsable if it is too late."""
    code.ensure_usable(referee.created_at)
    return Referral(
        referrer_id=code.owner_id,
        referee_id=referee.id,
        code_id=code.id,
        created_at=referee.created_at,
    )

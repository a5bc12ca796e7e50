"""The fact that one person brought another."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Self

from referral.domain.accounts.user import Participant, UserId
from referral.domain.programs.errors import (
    CircularReferral,
    ReferralNotHeld,
    SelfReferral,
    TooLateToRefer,
)
from referral.domain.programs.program import ProgramId
from referral.domain.programs.referral_code import CodeId, ReferralCode
from referral.domain.programs.terms import TermsVersion
from referral.domain.words import Word


class ReferralStatus(Word):
    SIGNED_UP = "signed_up"
    QUALIFIED = "qualified"
    REJECTED = "rejected"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Referral:
    """Who brought whom, by which code, when, and under which terms. That never changes, and a referee has at most one.

    It is held while there are reasons to look at it, whatever its status. What makes it qualify occurs by `qualifies_until`.
    """

    referrer_id: UserId
    referee_id: UserId
    code_id: CodeId
    program_id: ProgramId
    terms_version: TermsVersion
    status: ReferralStatus
    created_at: datetime
    qualifies_until: datetime | None = None
    qualified_at: datetime | None = None
    held_reasons: tuple[str, ...] = ()

    @property
    def within_days(self) -> int | None:
        """In how many days it has to qualify; None where that may take any time."""
        return (self.qualifies_until - self.created_at).days if self.qualifies_until else None

    @property
    def is_held(self) -> bool:
        return bool(self.held_reasons)

    def released(self) -> Self:
        """The referral as one that nobody has to look at any more; raise ReferralNotHeld."""
        if not self.is_held:
            raise ReferralNotHeld
        return replace(self, held_reasons=())


def refer(referee: Participant, owner: Participant, code: ReferralCode, now: datetime) -> Referral:
    """The referral that is made when someone signs up or is joined with the `code` of this owner.

    Longer circles than of two are not looked for. Raises SelfReferral, CircularReferral, CodeNotUsable, or TooLateToRefer
    once the terms' `attach_within_days` have passed.
    """
    if referee.id == owner.id:
        raise SelfReferral
    if referee.id == owner.referrer_id:
        raise CircularReferral
    code.ensure_usable(now)
    if now > referee.created_at + timedelta(days=code.program.attach_within_days):
        raise TooLateToRefer
    qualifies = code.program.qualifies_at_sign_up
    within_days = code.program.qualifies_within_days
    return Referral(
        referrer_id=owner.id,
        referee_id=referee.id,
        code_id=code.id,
        program_id=code.program.id,
        terms_version=code.program.terms_version,
        status=ReferralStatus.QUALIFIED if qualifies else ReferralStatus.SIGNED_UP,
        created_at=now,
        qualifies_until=now + timedelta(within_days) if within_days and not qualifies else None,
        qualified_at=now if qualifies else None,
    )

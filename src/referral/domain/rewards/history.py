"""What happened in a program, as it can be judged by other terms."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from referral.domain.programs.program import ProgramId
from referral.domain.programs.referral import Referral, ReferralStatus
from referral.domain.programs.terms import Terms
from referral.domain.rewards.event import Event, EventNumber
from referral.domain.rewards.qualification import Facts


@dataclass(frozen=True, slots=True)
class Cohort:
    """The referrals of a program that were made `since` a time, and before `until`."""

    program_id: ProgramId
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """A referral and its events, each with the time when it was recorded, in that order.

    Nobody is rewarded as the referrer from `referrer_erased_at` on, nor for events that were `told_after_end` of the program.
    """

    referral: Referral
    events: Sequence[Event] = ()
    recorded_at: Sequence[datetime] = ()
    referrer_erased_at: datetime | None = None
    told_after_end: Collection[EventNumber] = ()

    def is_referrer_erased(self, at: datetime) -> bool:
        return self.referrer_erased_at is not None and self.referrer_erased_at <= at

    def beginning(self, terms: Terms) -> Facts:
        """The referral as these terms would have had it when it was made; what was rejected stays so."""
        status = self.referral.status
        if status != ReferralStatus.REJECTED:
            is_qualified = terms.qualification.is_sign_up
            status = ReferralStatus.QUALIFIED if is_qualified else ReferralStatus.SIGNED_UP
        made_at = self.referral.created_at
        return Facts(
            referred_at=made_at,
            status=status,
            qualified_at=made_at if status == ReferralStatus.QUALIFIED else None,
            is_over=False,
            told_after_end=self.told_after_end,
        )

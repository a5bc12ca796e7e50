"""Referrals that were held, with what was decided about them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from referral.application.pages import ListPage, ListRequest
from referral.application.programs.ports import NamedReferral
from referral.application.rewards.ports import MadeDecision
from referral.domain.rewards.decision import Decision
from referral.domain.rewards.review import ReviewStatus


@dataclass(frozen=True, slots=True)
class NamedReview:
    """A referral that was held, the decisions to hold it, and what someone decided about it, unless nobody did yet."""

    named: NamedReferral
    doubts: Sequence[Decision]
    decided: MadeDecision | None

    @property
    def status(self) -> ReviewStatus:
        return ReviewStatus(self.decided.decision.outcome) if self.decided else ReviewStatus.OPEN

    @property
    def decided_at(self) -> datetime | None:
        return self.decided.at if self.decided else None

    @property
    def decided_by(self) -> str | None:
        return self._input("by")

    @property
    def reason(self) -> str | None:
        """Why it was decided so."""
        return self._input("because")

    def _input(self, name: str) -> str | None:
        return str(self.decided.decision.inputs[name]) if self.decided else None


class Reviews(Protocol):
    async def page_of(self, status: ReviewStatus, request: ListRequest) -> ListPage[NamedReview]:
        """Those in this status: of the open ones the newest referrals first, else those last decided."""

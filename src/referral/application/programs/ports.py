"""What the use cases of codes and referrals need of the outside, and what they may count on."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from referral.application.pages import Page, PageRequest
from referral.domain.accounts.user import EmailAddress, PublicUser, UserId
from referral.domain.programs.referral import Referral
from referral.domain.programs.referral_code import CodeText, NewReferralCode, ReferralCode


class ReferralCodes(Protocol):
    async def add(self, code: NewReferralCode) -> ReferralCode:
        """Store a new code; raise ActiveCodeExists or CodeTaken, or UserNotFound when its owner is gone."""

    async def by_text(self, text: CodeText) -> ReferralCode:
        """Raise CodeNotFound if nobody ever issued it; a retired one is found."""

    async def retire(self, code: ReferralCode) -> None:
        """Store that the code is retired."""

    async def retire_all_of(self, owner_id: UserId, now: datetime) -> None:
        """Retire every code of this owner that still is active."""

    async def active_by_email(
        self, email: EmailAddress, now: datetime
    ) -> tuple[ReferralCode, PublicUser]:
        """The active code of the user with this address, and the user; raise CodeNotFound."""

    async def page_of(self, owner_id: UserId, request: PageRequest) -> Page[ReferralCode]:
        """The owner's codes, oldest first, expired ones too, retired ones not. Takes no cursor."""


@dataclass(frozen=True, slots=True)
class Referee:
    """Someone whom a referrer brought; name and address are None once that person's account is erased."""

    id: UserId
    email: str | None
    username: str | None
    created_at: datetime


class Referrals(Protocol):
    async def add(self, referral: Referral) -> None:
        """Store a referral; its referee has no other."""

    async def page_of(self, referrer_id: UserId, request: PageRequest) -> Page[Referee]:
        """The referrer's people, newest first, at the same cost however many they are."""

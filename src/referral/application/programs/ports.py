"""What the use cases of programs, codes and referrals need of the outside, and what they may count on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, Self

from referral.application.accounts.participant_reference import reference_to
from referral.application.pages import ListPage, ListRequest, Page, PageRequest
from referral.domain.accounts.sighting import NetworkName
from referral.domain.accounts.user import EmailAddress, Participant, PublicUser, UserId
from referral.domain.programs.program import NewProgram, Program, ProgramId, ProgramInForce, Slug
from referral.domain.programs.referral import Referral, ReferralStatus
from referral.domain.programs.referral_code import CodeId, CodeText, NewReferralCode, ReferralCode
from referral.domain.programs.terms import KeptTerms, Terms, TermsVersion


class ProgramChanged(Exception):
    """The program is not what it was when one decided by it: look again."""


class Programs(Protocol):
    """Who holds the lock of a program takes no other."""

    async def add(self, program: NewProgram, terms: Terms) -> Program:
        """Store a new program, with these terms as version 1; raise SlugTaken."""

    async def in_force(self, slug: Slug) -> ProgramInForce:
        """Raise ProgramNotFound."""

    async def lock(self, slug: Slug) -> Program:
        """The program, which nobody else changes until the transaction ends; raise ProgramNotFound."""

    async def save(self, program: Program) -> Program:
        """Store what was changed, but for the terms; it has another revision then."""

    async def page_of(self, request: ListRequest) -> ListPage[Program]:
        """The programs, newest first."""

    async def add_terms(self, slug: Slug, terms: Terms, now: datetime) -> KeptTerms:
        """Store the next version of the terms, whose number follows the last one's; raise ProgramNotFound."""

    async def terms(self, slug: Slug, version: TermsVersion) -> KeptTerms:
        """Raise ProgramNotFound or TermsNotFound."""


@dataclass(frozen=True, slots=True)
class RetiredCode:
    """A code that was withdrawn."""

    id: CodeId
    text: CodeText
    program: Slug


class ReferralCodes(Protocol):
    async def add(self, code: NewReferralCode) -> ReferralCode:
        """Store a new code; raise ActiveCodeExists, of this program, or CodeTaken, or UserNotFound when its owner is gone.

        Raises ProgramChanged when the program is another by now than that of the code.
        """

    async def by_text(self, text: CodeText) -> ReferralCode:
        """Raise CodeNotFound if nobody ever issued it; a retired one is found."""

    async def retire(self, code: ReferralCode) -> None:
        """Store that the code is retired."""

    async def retire_all_of(self, owner_id: UserId, now: datetime) -> Sequence[RetiredCode]:
        """Retire every code of this owner that still is active, of any program; give those that were."""

    async def retire_active(
        self, owner_id: UserId, program_id: ProgramId, now: datetime
    ) -> Sequence[RetiredCode]:
        """Retire the code of this owner that still is active in this program, if there is one, and give it."""

    async def active_by_email(
        self, email: EmailAddress, now: datetime
    ) -> tuple[ReferralCode, PublicUser]:
        """The user's active code of the default program, by this address, and the user; raise CodeNotFound."""

    async def page_of(self, owner_id: UserId, request: PageRequest) -> Page[ReferralCode]:
        """The owner's codes, oldest first, expired ones too, retired ones not. Takes no cursor."""

    async def newest_of(self, owner_id: UserId, request: ListRequest) -> ListPage[ReferralCode]:
        """The same codes, newest first, by cursor."""


@dataclass(frozen=True, slots=True)
class Referee:
    """Someone whom a referrer brought; name and address are None once that person's account is erased."""

    id: UserId
    email: str | None
    username: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ReferralUnderTerms:
    """A referral with the terms it was made under; `is_over` once its program has ended."""

    referral: Referral
    terms: Terms
    is_over: bool


@dataclass(frozen=True, slots=True)
class NamedReferral:
    """A referral with what its parts are called by; `referrer` and `referee` are references to participants."""

    referral: Referral
    program: Slug
    code: CodeText
    referrer: str
    referee: str

    @classmethod
    def of(
        cls, referral: Referral, code: ReferralCode, owner: Participant, referee: Participant
    ) -> Self:
        return cls(
            referral,
            code.program.slug,
            code.text,
            reference_to(owner.id, owner.external_id),
            reference_to(referee.id, referee.external_id),
        )


@dataclass(frozen=True, slots=True)
class ReferralFilter:
    """Which referrals to list: those of which all that is given is true."""

    program_id: ProgramId | None = None
    referrer_id: UserId | None = None
    status: ReferralStatus | None = None


class Referrals(Protocol):
    async def add(self, referral: Referral) -> None:
        """Store a referral, which uses its code once more.

        Raises AlreadyReferred where its referee has one, or ParticipantNotFound where the referee is gone.
        """

    async def find(self, referee_id: UserId) -> NamedReferral:
        """The one of this referee; raise ReferralNotFound."""

    async def newest(self, wanted: ReferralFilter, request: ListRequest) -> ListPage[NamedReferral]:
        """Those that are wanted, newest first, at the same cost however many there are."""

    async def under_terms(self, referee_id: UserId) -> ReferralUnderTerms | None:
        """The one referral of this referee, if there is one."""

    async def save(self, referral: Referral) -> None:
        """Store the referral's status, when it qualified, and why it is held."""

    async def expire_overdue(self, now: datetime, most: int) -> Sequence[Referral]:
        """Have at most so many expire that are signed up past their `qualifies_until`, and give them as they are then.

        Those of programs that have ended stay as they are; those that someone else has locked are left to them.
        """

    async def nth_newest_at(self, referrer_id: UserId, n: int) -> datetime | None:
        """When a referrer's n-th newest referral was made, from 1, of whatever program; None if they have fewer."""

    async def nth_newest_seen_at(
        self, referral: Referral, networks: Sequence[NetworkName], n: int
    ) -> datetime | None:
        """When the n-th newest, from 1, of the referrer and the people they brought was last seen at this network.

        The referee is not counted. None if there are fewer.
        """

    async def page_of(self, referrer_id: UserId, request: PageRequest) -> Page[Referee]:
        """The referrer's people, newest first, at the same cost however many they are."""

"""What a referral code looks like, to who issues, lists or looks for one."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from referral.domain.accounts.user import PublicUser
from referral.domain.programs.program import DEFAULT
from referral.domain.programs.referral_code import ReferralCode
from referral.entrypoints.http.api.shapes import (
    TIME,
    Body,
    CodeText,
    Email,
    GivenCode,
    Instant,
    Name,
    ProgramSlug,
)
from referral.entrypoints.http.request.paging import PageBody


class NewCode(Body):
    """A referral code to issue."""

    expires_at: Annotated[
        str,
        Meta(
            description="in the future, at most 10 years away; without an offset it is UTC, and seconds may be left out",
            examples=["2030-10-10T12:00:00Z", "2030-10-10 12:00"],
            extra_json_schema={"pattern": TIME},
        ),
    ]
    code: GivenCode | None = None
    replace_active: Annotated[
        bool,
        Meta(
            description="withdraw the program's active code, if there is one, instead of refusing"
        ),
    ] = False
    program: Annotated[
        ProgramSlug | None, Meta(description="which program's; `default` without it")
    ] = None


class Code(msgspec.Struct, kw_only=True):
    """A referral code; of a program, and how often it may be and was used, where it is not simply one of `default`."""

    id: Annotated[int, Meta(examples=[4])]
    user_id: Annotated[UUID, Meta(description="whose it is")]
    code: CodeText
    expires_at: Instant
    is_active: Annotated[bool, Meta(description="whether someone can sign up with it now")]
    program: ProgramSlug | UnsetType = UNSET
    max_uses: Annotated[
        int | UnsetType | None,
        Meta(description="how many people may sign up with it; null without end"),
    ] = UNSET
    uses: Annotated[int | UnsetType, Meta(description="how many people signed up with it")] = UNSET

    @classmethod
    def of(cls, code: ReferralCode, now: datetime) -> "Code":
        shown = cls(
            id=code.id,
            user_id=code.owner_id,
            code=code.text.value,
            expires_at=code.expires_at,
            is_active=code.is_usable(now),
        )
        if code.program.slug != DEFAULT or code.max_uses is not None:
            shown.program = code.program.slug.value
            shown.max_uses, shown.uses = code.max_uses, code.uses
        return shown


class CodeOwner(msgspec.Struct, kw_only=True):
    """Whose code it is; whom a server enrolled may have no user name."""

    id: UUID
    email: Email
    username: Name | None

    @classmethod
    def of(cls, owner: PublicUser) -> "CodeOwner":
        username = owner.username.value if owner.username else None
        return cls(id=owner.id, email=owner.email.value, username=username)


class FoundCode(Code, kw_only=True):
    """A user's active referral code, and whose it is."""

    user: CodeOwner


class CodeState(msgspec.Struct, kw_only=True):
    """Whether someone can sign up with a code."""

    code: CodeText
    is_active: Annotated[bool, Meta(description="whether someone can sign up with it now")]
    expires_at: Instant


class CodePage(PageBody[Code], kw_only=True):
    """A page of the caller's codes, oldest first."""

"""The pieces that bodies of several resources are made of.

What the schemas say of a value, beyond its type, is for the reader: the domain checks it, and tells more
of what is wrong with it.
"""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar.params import PathParameter
from msgspec import Meta

from referral.domain.accounts import user as rules
from referral.domain.accounts.user import User
from referral.domain.programs.program import MAX_SLUG, SLUG_SHAPE
from referral.domain.programs.referral_code import CODE_LENGTH

_NAME = {
    "minLength": rules.USERNAME_LENGTH.start,
    "maxLength": rules.USERNAME_LENGTH.stop - 1,
    "pattern": r"^[\p{L}\p{Nd}.@+_-]+$",
    "examples": ["ann"],
}
_EMAIL = {
    "format": "idn-email",
    "maxLength": rules.EMAIL_MAX_LENGTH,
    "examples": ["ann@example.org"],
}
_NEW_PASSWORD = {
    "format": "password",
    "minLength": rules.PASSWORD_MIN_CHARACTERS,
    "maxLength": rules.PASSWORD_MAX_BYTES,
    "pattern": r"^[^\u0000-\u001f\u007f-\u009f]*$",
    "examples": ["Q123werty!23"],
}
_CODE = {
    "minLength": CODE_LENGTH.start,
    "maxLength": CODE_LENGTH.stop - 1,
    "pattern": "^[A-Z0-9]+(-[A-Z0-9]+)*$",
    "examples": ["12AF32CF8978"],
}
_SLUG = {"maxLength": MAX_SLUG, "pattern": f"^{SLUG_SHAPE}$", "examples": ["summer"]}
_CODE_IN_ANY_CASE = {**_CODE, "pattern": "^[A-Za-z0-9]+(-[A-Za-z0-9]+)*$"}
_CODE_TEXT = "6 to 32 letters A-Z and digits with single dashes inside"

Name = Annotated[
    str,
    Meta(
        description=(
            "3 to 50 letters, digits and . @ + - _, an @ only in the user's own e-mail address;"
            " no one else's, whatever the case"
        ),
        extra_json_schema=_NAME,
    ),
]
Email = Annotated[
    str,
    Meta(
        description="an e-mail address; no one else's, whatever the case",
        extra_json_schema=_EMAIL,
    ),
]
EmailInPath = Annotated[str, PathParameter(description="an e-mail address", schema_extra=_EMAIL)]
NewPassword = Annotated[
    str,
    Meta(
        description=(
            "8 characters or more and 72 bytes or less, none a control character; 5 different ones"
            " among fewer than 16; not a common one, not the name or address"
        ),
        extra_json_schema=_NEW_PASSWORD,
    ),
]
CurrentPassword = Annotated[
    str, Meta(extra_json_schema={"format": "password"}, examples=["Q123werty!23"])
]
CodeText = Annotated[str, Meta(description=_CODE_TEXT, extra_json_schema=_CODE)]
GivenCode = Annotated[
    str, Meta(description=f"{_CODE_TEXT}, in any case", extra_json_schema=_CODE_IN_ANY_CASE)
]
CodeInPath = Annotated[
    str,
    PathParameter(description=f"{_CODE_TEXT}, in any case", schema_extra=_CODE_IN_ANY_CASE),
]
TIME = (
    "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
    "[Tt ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,6})?)?"
    "([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])?$"
)
GivenInstant = Annotated[
    str,
    Meta(
        description="a time; without an offset it is UTC, and seconds may be left out",
        extra_json_schema={"pattern": TIME},
        examples=["2030-10-10T12:00:00Z"],
    ),
]
ProgramSlug = Annotated[
    str,
    Meta(description="1 to 50 of a-z and 0-9, with single dashes inside", extra_json_schema=_SLUG),
]
SlugInPath = Annotated[str, PathParameter(description="a program's slug", schema_extra=_SLUG)]
# Characters that are not ASCII may be printable too, which a pattern does not tell.
PRINTABLE = r"^[!-~]([ -~]*[!-~])?$"
Instant = Annotated[datetime, Meta(tz=True, examples=["2030-10-10T12:00:00Z"])]


class Body(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What a caller sends."""


class UserSummary(msgspec.Struct, kw_only=True):
    """A user, as others may see them."""

    id: UUID
    email: Email
    username: Name

    @classmethod
    def of(cls, user: User) -> "UserSummary":
        return cls(id=user.id, email=user.email.value, username=user.username.value)

"""What a program and its terms look like."""

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from referral.domain.programs import program as rules
from referral.domain.programs.program import ProgramInForce, ProgramStatus
from referral.domain.programs.terms import KeptTerms
from referral.entrypoints.http.api.shapes import (
    PRINTABLE,
    Body,
    GivenInstant,
    Instant,
    ProgramSlug,
)
from referral.entrypoints.http.request.paging import ListBody

Name = Annotated[
    str,
    Meta(
        description="1 to 100 printable characters, without space around them",
        extra_json_schema={
            "minLength": 1,
            "maxLength": rules.MAX_NAME,
            "pattern": PRINTABLE,
        },
        examples=["Summer of friends"],
    ),
]
Status = Annotated[str, Meta(extra_json_schema={"enum": [*ProgramStatus]})]
LandingUrl = Annotated[
    str,
    Meta(
        description="where the program's links lead: an http or https address",
        extra_json_schema={"maxLength": rules.MAX_URL, "pattern": f"^{rules.URL_SHAPE}$"},
        examples=["https://shop.example.org/friends"],
    ),
]
Terms = Annotated[dict[str, Any], Meta(extra_json_schema={"$ref": "#/components/schemas/Terms"})]
Version = Annotated[int, Meta(ge=1, description="counts the program's terms from 1")]


class NewProgram(Body):
    """A program to draft."""

    slug: ProgramSlug
    name: Name
    terms: Terms
    starts_at: Annotated[GivenInstant | None, Meta(description="from when it takes people")] = None
    ends_at: Annotated[GivenInstant | None, Meta(description="until when it takes people")] = None
    landing_url: LandingUrl | None = None


class ProgramChange(Body):
    """What is to be another way; null takes a date or the landing page away."""

    name: Name | UnsetType = UNSET
    status: Status | UnsetType = UNSET
    starts_at: GivenInstant | UnsetType | None = UNSET
    ends_at: GivenInstant | UnsetType | None = UNSET
    landing_url: LandingUrl | UnsetType | None = UNSET


class Program(msgspec.Struct, kw_only=True):
    """A program, without its terms."""

    slug: ProgramSlug
    name: Name
    status: Status
    starts_at: Instant | None
    ends_at: Instant | None
    landing_url: LandingUrl | None
    terms_version: Version
    created_at: Instant

    @classmethod
    def of(cls, program: rules.Program) -> "Program":
        return cls(
            slug=program.slug.value,
            name=program.name,
            status=program.status.value,
            starts_at=program.starts_at,
            ends_at=program.ends_at,
            landing_url=program.landing_url,
            terms_version=program.terms_version,
            created_at=program.created_at,
        )


class ProgramWithTerms(Program, kw_only=True):
    """A program with its terms in force, every member of which is there."""

    terms: Terms

    @classmethod
    def of_now(cls, now: ProgramInForce) -> "ProgramWithTerms":
        program = msgspec.structs.asdict(Program.of(now.program))
        return cls(**program, terms=now.terms.plain())


class ProgramList(ListBody[Program], kw_only=True):
    """A page of the programs, newest first."""


class VersionedTerms(msgspec.Struct, kw_only=True):
    """One version of a program's terms; it never changes."""

    version: Version
    terms: Terms
    created_at: Instant

    @classmethod
    def of(cls, kept: KeptTerms) -> "VersionedTerms":
        return cls(version=kept.version, terms=kept.terms.plain(), created_at=kept.created_at)

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from referral.application.audit import Audit
from referral.application.instant import instant
from referral.application.ports import Clock
from referral.application.programs.ports import Programs
from referral.domain.access.caller import OPERATOR, Caller, Scope
from referral.domain.errors import Checks
from referral.domain.programs import program as rules
from referral.domain.programs.program import NewProgram, ProgramInForce, Slug
from referral.domain.programs.terms import Terms


@dataclass(frozen=True, slots=True)
class CreateProgram:
    """Draft a program with the first version of its terms; nobody can join it before it is made active.

    Times may be the texts of them. Raises InvalidInput, with everything that is wrong with the terms too, SlugTaken or
    MissingScope.
    """

    programs: Programs
    clock: Clock
    audit: Audit

    async def __call__(
        self,
        *,
        slug: str,
        name: str,
        terms: Mapping[str, object],
        starts_at: datetime | str | None = None,
        ends_at: datetime | str | None = None,
        landing_url: str | None = None,
        caller: Caller = OPERATOR,
    ) -> ProgramInForce:
        with self.audit.by(caller, "create-program") as deed:
            caller.ensure_may(Scope.PROGRAMS_WRITE)
            checks = Checks()
            with checks.of("slug"):
                known_as = Slug.parse(slug)
            with checks.of("name"):
                called = rules.program_name(name)
            with checks.of("terms"):
                promised = Terms.parse(terms)
            starts = ends = link = None
            with checks.of("starts_at"):
                starts = instant(starts_at) if starts_at is not None else None
            with checks.of("ends_at"):
                ends = instant(ends_at) if ends_at is not None else None
                rules.ensure_ends_later(starts, ends)
            with checks.of("landing_url"):
                link = rules.landing_url(landing_url) if landing_url is not None else None
            checks.done()
            deed.program = known_as.value
            new = NewProgram(
                slug=known_as,
                name=called,
                starts_at=starts,
                ends_at=ends,
                landing_url=link,
                created_at=self.clock.now(),
            )
            return ProgramInForce(await self.programs.add(new, promised), promised)

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from referral.application.again import again
from referral.application.audit import Audit
from referral.application.instant import instant
from referral.application.programs.program_named import program_named
from referral.application.transaction import UnitOfWork
from referral.application.unchanged import UNCHANGED, Unchanged
from referral.domain.access.caller import OPERATOR, Caller, Scope
from referral.domain.errors import Checks
from referral.domain.programs import program as rules
from referral.domain.programs.program import Program, ProgramStatus, Slug

Moment = datetime | str | Literal[Unchanged.UNCHANGED] | None


@dataclass(frozen=True, slots=True)
class ChangeProgram:
    """Change what a program is called, its status, its dates or its landing page; the terms stay.

    Raises InvalidInput, ProgramNotFound, StatusNotReachable or MissingScope; then nothing was changed.
    """

    unit_of_work: UnitOfWork
    audit: Audit

    async def __call__(
        self,
        *,
        slug: str,
        name: str | None = None,
        status: str | None = None,
        starts_at: Moment = UNCHANGED,
        ends_at: Moment = UNCHANGED,
        landing_url: str | Literal[Unchanged.UNCHANGED] | None = UNCHANGED,
        caller: Caller = OPERATOR,
    ) -> Program:
        with self.audit.by(caller, "change-program") as deed:
            caller.ensure_may(Scope.PROGRAMS_WRITE)
            named = program_named(slug)
            deed.program = named.value
            checks = Checks()
            changes: dict[str, object] = {}
            reached = None
            with checks.of("name"):
                if name is not None:
                    changes["name"] = rules.program_name(name)
            with checks.of("status"):
                reached = None if status is None else ProgramStatus.parse(status)
            for field, moment in (("starts_at", starts_at), ("ends_at", ends_at)):
                with checks.of(field):
                    if moment is not UNCHANGED:
                        changes[field] = None if moment is None else instant(moment)
            with checks.of("landing_url"):
                if landing_url is not UNCHANGED:
                    changes["landing_url"] = (
                        None if landing_url is None else rules.landing_url(landing_url)
                    )
            checks.done()
            return await again(self._change, named, changes, reached)

    async def _change(
        self, slug: Slug, changes: dict[str, object], status: ProgramStatus | None
    ) -> Program:
        async with self.unit_of_work.begin() as tx:
            program = replace(await tx.programs.lock(slug), **changes)  # type: ignore[arg-type]
            checks = Checks()
            with checks.of("ends_at"):
                rules.ensure_ends_later(program.starts_at, program.ends_at)
            checks.done()
            return await tx.programs.save(program if status is None else program.become(status))

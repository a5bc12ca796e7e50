from dataclasses import dataclass

from referral.application.programs.ports import Programs
from referral.application.programs.program_named import program_named
from referral.domain.access.caller import OPERATOR, Caller, Scope
from referral.domain.programs.program import ProgramInForce


@dataclass(frozen=True, slots=True)
class ShowProgram:
    """A program with its terms in force; raise ProgramNotFound or MissingScope."""

    programs: Programs

    async def __call__(self, *, slug: str, caller: Caller = OPERATOR) -> ProgramInForce:
        caller.ensure_may(Scope.PROGRAMS_READ)
        return await self.programs.in_force(program_named(slug))

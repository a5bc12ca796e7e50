from dataclasses import dataclass

from referral.application.programs.ports import Programs
from referral.application.programs.program_named import program_named
from referral.domain.access.caller import OPERATOR, Caller, Scope
from referral.domain.programs.errors import TermsNotFound
from referral.domain.programs.terms import KeptTerms, TermsVersion

MAX_VERSION = 2**31 - 1


@dataclass(frozen=True, slots=True)
class ShowTerms:
    """One version of a program's terms; raise ProgramNotFound, TermsNotFound or MissingScope."""

    programs: Programs

    async def __call__(self, *, slug: str, version: int, caller: Caller = OPERATOR) -> KeptTerms:
        caller.ensure_may(Scope.PROGRAMS_READ)
        named = program_named(slug)
        if not 1 <= version <= MAX_VERSION:
            raise TermsNotFound
        return await self.programs.terms(named, TermsVersion(version))

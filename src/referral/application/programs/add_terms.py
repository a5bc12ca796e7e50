from collections.abc import Mapping
from dataclasses import dataclass

from referral.application.audit import Audit
from referral.application.ports import Clock
from referral.application.programs.ports import Programs
from referral.application.programs.program_named import program_named
from referral.domain.access.caller import OPERATOR, Caller, Scope
from referral.domain.programs.terms import KeptTerms, Terms


@dataclass(frozen=True, slots=True)
class AddTerms:
    """Give a program new terms, in force from now on; what was before keeps the version it was made under.

    Raises InvalidInput with everything that is wrong with them, ProgramNotFound or MissingScope.
    """

    programs: Programs
    clock: Clock
    audit: Audit

    async def __call__(
        self, *, slug: str, terms: Mapping[str, object], caller: Caller = OPERATOR
    ) -> KeptTerms:
        with self.audit.by(caller, "add-terms") as deed:
            caller.ensure_may(Scope.PROGRAMS_WRITE)
            named = program_named(slug)
            deed.program = named.value
            return await self.programs.add_terms(named, Terms.parse(terms), self.clock.now())

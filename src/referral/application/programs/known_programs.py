from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from referral.application.programs.ports import ProgramChanged, Programs
from referral.application.programs.program_named import program_named
from referral.domain.errors import InvalidInput
from referral.domain.programs.errors import ProgramNotOpen
from referral.domain.programs.program import ProgramId, ProgramInForce

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class KnownPrograms:
    """Remembers programs and their terms, so that deciding by them costs no query; what is decided is right all the same.

    What is stored by a decision raises ProgramChanged if the program is not as it was remembered.
    """

    programs: Programs
    _known: dict[str, ProgramInForce] = field(default_factory=dict, init=False)

    async def id_of(self, slug: str) -> ProgramId:
        """Which program is called so, which never changes; raise ProgramNotFound."""
        known = self._known.get(slug) or await self._asked(slug)
        return known.program.id

    async def decide(self, slug: str, decide: Callable[[ProgramInForce], Awaitable[T]]) -> T:
        """What `decide` gives for the program as it is now; raise ProgramNotFound, or what `decide` refuses.

        It is called again when it decided by what is not true any more.
        """
        known = self._known.get(slug)
        if known is not None:
            try:
                return await decide(known)
            except (ProgramChanged, ProgramNotOpen, InvalidInput):
                pass  # perhaps it would not be so now
        while True:
            known = await self._asked(slug)
            try:
                return await decide(known)
            except ProgramChanged:
                pass

    async def _asked(self, slug: str) -> ProgramInForce:
        known = self._known[slug] = await self.programs.in_force(program_named(slug))
        return known

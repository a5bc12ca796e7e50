from dataclasses import dataclass

from referral.application.pages import DEFAULT_SIZE, ListPage, ListRequest
from referral.application.programs.ports import Programs
from referral.domain.access.caller import OPERATOR, Caller, Scope
from referral.domain.programs.program import Program


@dataclass(frozen=True, slots=True)
class ListPrograms:
    """The programs, newest first; raise MissingScope or InvalidInput."""

    programs: Programs

    async def __call__(
        self, *, limit: int = DEFAULT_SIZE, cursor: int | None = None, caller: Caller = OPERATOR
    ) -> ListPage[Program]:
        caller.ensure_may(Scope.PROGRAMS_READ)
        return await self.programs.page_of(ListRequest.of(limit=limit, cursor=cursor))

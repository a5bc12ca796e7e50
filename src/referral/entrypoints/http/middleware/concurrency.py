import asyncio
from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field

from litestar.types import HTTPScope, Receive, Send

from referral.entrypoints.http.middleware import HttpApp
from referral.entrypoints.http.problems.types import TooManyCalls

# Of one caller, on one worker. Who has to wait asks for less meanwhile than who is refused at once and comes back.
WAITING = 1000
WAIT_SECONDS = 1.0


@dataclass(slots=True)
class _Caller:
    working: int = 0
    waiting: "deque[asyncio.Future[None]]" = field(default_factory=deque)


class Concurrency:
    """Lets at most `limit` calls of one caller work at a time, on this worker; None is no limit.

    Each of them may hold a database connection; so no caller can hold them all while others wait.
    """

    def __init__(self, limit: int | None) -> None:
        self._limit = limit
        self._callers: dict[Hashable, _Caller] = {}

    async def enter(self, scope: HTTPScope, caller: Hashable) -> None:
        """Begin to work for this caller, in the order in which their calls came, until the request has been answered.

        Raises TooManyCalls when too many of them wait already, or after WAIT_SECONDS.
        """
        if self._limit is None:
            return
        calls = self._callers.get(caller)
        if calls is None:
            calls = self._callers[caller] = _Caller()
        if calls.working < self._limit:
            calls.working += 1
        else:
            await self._turn(caller, calls)
        scope["caller"] = caller  # type: ignore[typeddict-unknown-key]

    async def _turn(self, caller: Hashable, calls: _Caller) -> None:
        if len(calls.waiting) >= WAITING:
            raise TooManyCalls
        turn = asyncio.get_running_loop().create_future()
        calls.waiting.append(turn)
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await turn
        except BaseException as error:
            if not turn.cancelled():  # it came at the same time
                self._leave(caller)
            elif turn in calls.waiting:
                calls.waiting.remove(turn)
            if isinstance(error, TimeoutError):
                raise TooManyCalls from None
            raise

    def _leave(self, caller: Hashable) -> None:
        calls = self._callers[caller]
        while calls.waiting:
            turn = calls.waiting.popleft()
            if not turn.done():  # who waits longest works in its place
                turn.set_result(None)
                return
        calls.working -= 1
        if not calls.working:
            del self._callers[caller]

    def around(self, app: HttpApp) -> HttpApp:
        """The application, with each place free again that was taken for a request."""
        if self._limit is None:
            return app

        async def leaving(scope: HTTPScope, receive: Receive, send: Send) -> None:
            try:
                await app(scope, receive, send)
            finally:
                if "caller" in scope:
                    self._leave(scope["caller"])  # type: ignore[typeddict-item]

        return leaving

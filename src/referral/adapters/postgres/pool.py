import asyncio
import time
from collections import deque
from dataclasses import dataclass, field

from referral.adapters.postgres.connector import Connection, Connector

# So long one waits for a connection that others use.
TURN_SECONDS = 0.9
# Before a firewall on the way forgets a connection that nobody uses.
IDLE_SECONDS = 300
# So long no other connection is asked for when one was refused while others were in use.
FULL_SECONDS = 0.5


@dataclass(slots=True)
class Pool:
    """At most `size` connections, made when they are needed and kept; who asks first is served first."""

    connector: Connector
    size: int
    # Goes up when all connections that there are shall be thrown away.
    generation: int = field(default=0, init=False)
    in_use: int = field(default=0, init=False)  # those that are being made count, too
    _idle: list[tuple[Connection, float]] = field(default_factory=list, init=False)
    _turns: deque[asyncio.Future[Connection | None]] = field(default_factory=deque, init=False)
    _full_until: float = field(default=0.0, init=False)

    def idle(self) -> Connection | None:
        """The connection used last, if there is one that nobody uses; to be given back."""
        while self._idle:
            connection, since = self._idle.pop()
            if not connection.is_closed() and time.monotonic() - since < IDLE_SECONDS:
                self.in_use += 1
                return connection
            connection.terminate()
        return None

    async def take(self, seconds: float) -> Connection:
        """A new connection, or the next that comes free; to be given back. Raises OSError or asyncpg's errors."""
        async with asyncio.timeout(seconds):
            return await self._new_or_next()

    async def _new_or_next(self) -> Connection:
        refusal: Exception = TimeoutError()
        while True:
            has_room = self.in_use < self.size and time.monotonic() >= self._full_until
            if has_room or not self.in_use:
                self.in_use += 1
                try:
                    return await self.connector.connect()
                except BaseException as error:
                    self._leave()
                    if not isinstance(error, Exception):
                        raise
                    kept = self.idle()  # others may be through by now
                    if kept is not None:
                        return kept
                    if not self.in_use:
                        raise
                    self._full_until = time.monotonic() + FULL_SECONDS
                    refusal = error
            connection = await self._next(refusal)
            if connection is not None:
                return connection

    async def _next(self, refusal: Exception) -> Connection | None:
        """The next connection that somebody gives back, or None when there may be room for another.

        Raises the refusal when that takes too long.
        """
        turn: asyncio.Future[Connection | None] = asyncio.get_running_loop().create_future()
        self._turns.append(turn)
        try:
            await asyncio.wait([turn], timeout=TURN_SECONDS)
        except BaseException:
            if not turn.cancel():  # it came too late for this one
                self._pass_on(turn.result())
            raise
        if turn.cancel():
            raise refusal
        return turn.result()

    def give_back(self, connection: Connection, generation: int, *, usable: bool) -> None:
        """Let the next one have it; one that is not usable, or of another generation, is thrown away."""
        if usable and generation == self.generation:
            self._pass_on(connection)
        else:
            connection.terminate()
            self._leave()

    def _pass_on(self, connection: Connection | None) -> None:
        """Hand a connection, or else room for one, to who has waited longest."""
        while self._turns:
            turn = self._turns.popleft()
            if not turn.done():
                turn.set_result(connection)
                return
        if connection is not None:
            self.in_use -= 1
            self._idle.append((connection, time.monotonic()))

    def _leave(self) -> None:
        self.in_use -= 1
        self._pass_on(None)

    def distrust(self) -> None:
        """Throw away every connection that there is, those in use as soon as they are given back."""
        self.generation += 1
        while self._idle:
            self._idle.pop()[0].terminate()

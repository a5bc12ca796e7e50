import asyncio
import time
from collections import deque
from dataclasses import dataclass, field
from typing import cast

from referral.adapters.postgres.core.connector import Connection, Connector

# So long one waits for a connection that others use.
TURN_SECONDS = 0.9
# A connection may take so long to be made, and so many are made at a time: each costs PostgreSQL a process, and more of
# them would keep the connections in use from answering.
MAKING_SECONDS = 1.5
MAKING = 2
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
    _turns: deque[asyncio.Future[Connection]] = field(default_factory=deque, init=False)
    _making: set[asyncio.Task[None]] = field(default_factory=set, init=False)
    _full_until: float = field(default=0.0, init=False)

    def idle(self) -> Connection | None:
        """The connection used last, if there is one that nobody uses; to be released."""
        while self._idle:
            connection, since = self._idle.pop()
            if not connection.is_closed() and time.monotonic() - since < IDLE_SECONDS:
                self.in_use += 1
                return connection
            connection.terminate()
        return None

    async def take(self, seconds: float) -> Connection:
        """The next connection that comes free, or a new one; to be released. Raises OSError or asyncpg's errors."""
        turn: asyncio.Future[Connection] = asyncio.get_running_loop().create_future()
        self._turns.append(turn)
        self._grow()
        try:
            await asyncio.wait([turn], timeout=min(seconds, TURN_SECONDS))
        except BaseException:
            if not turn.cancel() and not turn.exception():  # it came too late for this one
                self._pass_on(turn.result())
            raise
        if turn.cancel():
            raise TimeoutError
        return turn.result()

    def _grow(self) -> None:
        """Have a connection made where there is room; nobody waits for it who can have another before it is there."""
        has_room = self.in_use < self.size and time.monotonic() >= self._full_until
        if len(self._making) < MAKING and (has_room or not self.in_use):
            self.in_use += 1
            making = asyncio.create_task(self._make())
            self._making.add(making)
            making.add_done_callback(self._making.discard)

    async def _make(self) -> None:
        generation = self.generation
        try:
            async with asyncio.timeout(MAKING_SECONDS):
                connection = await self.connector.connect()
        except Exception as error:  # noqa: BLE001  who waits for it is told
            self.in_use -= 1
            self._making.discard(cast("asyncio.Task[None]", asyncio.current_task()))
            if self.in_use:
                self._full_until = time.monotonic() + FULL_SECONDS
            else:  # nobody is left who could give them one: who waits longest is told, and the next is tried for
                self._refuse_first(error)
        except BaseException:
            self.in_use -= 1
            raise
        else:
            self.release(connection, generation, usable=True)

    def _refuse_first(self, error: Exception) -> None:
        turn = self._first_turn()
        if turn is not None:
            turn.set_exception(error)
        self._grow_for_others()

    def _first_turn(self) -> asyncio.Future[Connection] | None:
        """That of who has waited longest, taken out of the queue."""
        while self._turns:
            turn = self._turns.popleft()
            if not turn.done():
                return turn
        return None

    def _grow_for_others(self) -> None:
        if any(not turn.done() for turn in self._turns):
            self._grow()

    def release(self, connection: Connection, generation: int, *, usable: bool) -> None:
        """Let the next one have it; one that is not usable, or of another generation, is thrown away."""
        if usable and generation == self.generation:
            self._pass_on(connection)
        else:
            connection.terminate()
            self.in_use -= 1
            self._grow_for_others()

    def _pass_on(self, connection: Connection) -> None:
        """Hand a connection to who has waited longest."""
        turn = self._first_turn()
        if turn is not None:
            turn.set_result(connection)
            return
        self.in_use -= 1
        self._idle.append((connection, time.monotonic()))

    def close(self) -> None:
        """Throw away every connection, those that are being made included."""
        for making in self._making:
            making.cancel()
        self.distrust()

    def distrust(self) -> None:
        """Throw away every connection that there is, those in use as soon as they are released."""
        self.generation += 1
        while self._idle:
            self._idle.pop()[0].terminate()

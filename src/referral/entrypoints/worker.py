"""What a serving process does on the side, beside answering calls."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress

import structlog

from referral.application.use_cases import UseCases
from referral.domain.errors import Busy, DatabaseUnavailable
from referral.domain.webhooks.delivery import Delivery

Chore = tuple[float, Callable[[], Awaitable[object]]]
"""What is done again and again, with a pause of so many seconds."""

# Promised within a minute: there is time for a process to die, and for another to do its share.
EXPIRE_SECONDS = 20.0
APPROVE_SECONDS = 20.0

# Two looks in a row tell that delivery stands still.
LOOK_SECONDS = 15.0

# Promised within a second, also of what processes write that send nothing themselves: it is looked for so often.
POLL_SECONDS = 0.5
# Between two looks, so that many messages are found by one.
BREATH_SECONDS = 0.05

log = structlog.get_logger()


def shared_chores(use: UseCases) -> Sequence[Chore]:
    """What all processes do together: each takes a share that nobody else has locked."""
    return [
        (EXPIRE_SECONDS, use.programs.expire_referrals),
        (APPROVE_SECONDS, use.rewards.approve_due_rewards),
    ]


@asynccontextmanager
async def delivering(
    use: UseCases, told: asyncio.Event, note: Callable[[Delivery], object]
) -> AsyncIterator[None]:
    """Send what is due to webhook endpoints for as long as the block runs, to each beside the others.

    It is looked for as soon as `told` is set, and every POLL_SECONDS anyhow; `note` is called with what was tried.
    """
    lanes: set[asyncio.Task[None]] = set()

    def ended(lane: asyncio.Task[None]) -> None:
        lanes.discard(lane)
        if lane.cancelled():
            return
        error = lane.exception()
        if error is None:
            told.set()  # what another process wrote in the lane's last moment is nobody else's to find
        elif not isinstance(error, Busy):
            log.error("a delivery failed", exc_info=error)

    async def begin() -> None:
        # Python 3.11's `wait_for` forgets a cancellation that comes together with what it waits for.
        with suppress(TimeoutError):
            async with asyncio.timeout(POLL_SECONDS):
                await told.wait()
        told.clear()
        for work in await use.webhooks.deliver_messages(note):
            lane = asyncio.create_task(work)
            lanes.add(lane)
            lane.add_done_callback(ended)

    try:
        async with working([(BREATH_SECONDS, begin)]):
            yield
    finally:
        for lane in lanes:
            lane.cancel()
        await asyncio.gather(*lanes, return_exceptions=True)


@asynccontextmanager
async def working(chores: Iterable[Chore]) -> AsyncIterator[None]:
    """Do each chore for as long as the block runs; one that fails is done again after its pause."""
    tasks = [asyncio.create_task(_every(seconds, chore)) for seconds, chore in chores]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _every(seconds: float, chore: Callable[[], Awaitable[object]]) -> None:
    while True:
        try:
            await chore()
        except DatabaseUnavailable:
            pass  # for now; each call says so
        except Exception:
            log.exception("house-keeping failed")
        await asyncio.sleep(seconds)

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

from referral.domain.errors import DatabaseUnavailable

TRIES = 3
JITTER_SECONDS = 0.05

P = ParamSpec("P")
T = TypeVar("T")


async def again(attempt: Callable[P, Awaitable[T]], *arguments: P.args, **options: P.kwargs) -> T:
    """What the attempt gives, which is a unit of work; one that was undone beside others' is repeated, up to TRIES."""
    tries = TRIES
    while True:
        tries -= 1
        try:
            return await attempt(*arguments, **options)
        except DatabaseUnavailable as refusal:
            if not (refusal.was_undone and tries):
                raise
        # Not the same for all: those who met would meet again.
        await asyncio.sleep(random.uniform(0, JITTER_SECONDS))  # noqa: S311  no secret

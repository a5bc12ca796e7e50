"""What happens when many do something together."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Iterable


async def outcomes_of(attempts: Iterable[Awaitable[object]]) -> Counter[str]:
    """Do all of it at once; how many succeeded, as "done", and how many ended with which error."""
    ended = await asyncio.gather(*attempts, return_exceptions=True)
    return Counter(
        type(end).__name__ if isinstance(end, BaseException) else "done" for end in ended
    )


async def has_to_wait(attempt: asyncio.Task[object]) -> bool:
    """Whether it gets nowhere, where it would need a few milliseconds if nothing were in its way."""
    done, _ = await asyncio.wait({attempt}, timeout=0.1)
    return not done

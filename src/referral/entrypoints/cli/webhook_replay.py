"""How `referral webhook replay` has many messages sent once more, and shows on a terminal how far that is."""

import asyncio
import sys
import time

import click

from referral.application.use_cases import UseCases
from referral.domain.webhooks.endpoint import EndpointId
from referral.entrypoints.cli.commands import Shown
from referral.entrypoints.cli.progress import progress

LOOK_SECONDS = 0.5
PATIENCE_SECONDS = 60  # without a single message that was taken


async def replay_all(
    use: UseCases, endpoint_id: EndpointId, *, since: str, until: str | None, only_failed: bool
) -> Shown:
    """Have all messages of a time sent once more; on a terminal, wait until they are delivered, or none is for a minute."""
    is_watched = sys.stderr.isatty()
    with progress("Replaying") as tell:
        replayed, cursor, is_first = 0, None, True
        while is_first or cursor:
            share = await use.webhooks.replay_messages(
                endpoint_id=endpoint_id,
                since=since,
                until=until,
                only_failed=only_failed,
                cursor=cursor,
            )
            before, cursor, is_first = share.until, share.next_cursor, False
            replayed += share.count
            if not is_watched:
                # There may be many, and it takes its time.
                click.echo(f"{replayed} messages", err=True)

        async def waiting() -> int:
            left = await use.webhooks.count_waiting(
                endpoint_id=endpoint_id, since=since, until=before, most=replayed
            )
            tell(replayed - left, replayed)
            return left

        left = await waiting()
        given_up_at = time.monotonic() + PATIENCE_SECONDS
        try:
            while is_watched and left and time.monotonic() < given_up_at:
                await asyncio.sleep(LOOK_SECONDS)
                known, left = left, await waiting()
                if left < known:
                    given_up_at = time.monotonic() + PATIENCE_SECONDS
        except asyncio.CancelledError:
            click.echo(f"{left} messages still wait.", err=True)
            raise
    return {"replayed": replayed, "waiting": left}

import gc
import sys
from collections.abc import AsyncIterator

import click

from referral.application.rewards.verify_ledger import Verified
from referral.application.use_cases import UseCases
from referral.entrypoints.cli.commands import PartlyRefused, Shown, runs_use_cases


@click.group()
def ledger() -> None:
    """The ledger of all rewards."""


@ledger.command()
@runs_use_cases
async def verify(use: UseCases) -> Shown:
    """Compute every reward, balance, budget and payout once more, and print what is wrong, with exit status 1."""
    # Rows make no circles, and to look for some takes a quarter of the time.
    gc.disable()
    events = wrong = 0
    async for verified in _with_progress(use.rewards.verify_ledger()):
        events = verified.events
        for difference in verified.differences:
            wrong += 1
            click.echo(f"{difference}.", err=True)
    counts = {"events": events, "differences": wrong}
    return PartlyRefused(counts) if wrong else counts


async def _with_progress(verified: AsyncIterator[Verified]) -> AsyncIterator[Verified]:
    """The same, with a bar on a terminal."""
    if not sys.stderr.isatty():
        async for some in verified:
            yield some
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task("Verifying")
        async for some in verified:
            progress.update(task, completed=some.events, total=some.total)
            yield some

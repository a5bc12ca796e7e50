import gc

import click

from referral.application.use_cases import UseCases
from referral.entrypoints.cli.commands import PartlyRefused, Shown, runs_use_cases
from referral.entrypoints.cli.progress import progress


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
    with progress("Verifying") as tell:
        async for verified in use.rewards.verify_ledger():
            events = verified.events
            tell(events, verified.total)
            for difference in verified.differences:
                wrong += 1
                click.echo(f"{difference}.", err=True)
    counts = {"events": events, "differences": wrong}
    return PartlyRefused(counts) if wrong else counts

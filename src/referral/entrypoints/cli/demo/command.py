from datetime import UTC, datetime, timedelta
from random import Random

import click

from referral.application.use_cases import UseCases
from referral.entrypoints.cli.commands import Shown, as_json_option, run_use_cases
from referral.entrypoints.cli.demo.agenda import Agenda
from referral.entrypoints.cli.demo.story import DAYS, Story
from referral.entrypoints.cli.progress import progress


@click.command()
@click.option("--seed", default=1, show_default=True, help="Another number makes up another story.")
@as_json_option
def demo(*, seed: int, as_json: bool) -> None:
    """Fill an empty database with a program that is made up: some hundred people, and what they did in three months."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    agenda = Agenda(begins_at=today - timedelta(DAYS))

    async def fill(use: UseCases) -> Shown:
        if not await _is_empty(use):
            raise click.ClickException("The database is not empty; a demo needs one of its own.")
        story = Story(use, agenda, Random(seed))  # noqa: S311  no secret
        with progress("Telling") as tell:
            return await story.play(tell)

    run_use_cases(fill, as_json=as_json, clock=agenda)


async def _is_empty(use: UseCases) -> bool:
    """Whether nobody has begun to use it."""
    programs = await use.programs.list_programs(limit=2)
    keys = await use.access.list_keys(limit=1)
    return len(programs.items) == 1 and not keys.items and not await use.accounts.is_anybody_here()

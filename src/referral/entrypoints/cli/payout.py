from typing import IO
from uuid import UUID

import click

from referral.application.use_cases import UseCases
from referral.domain.rewards.payout import Payout
from referral.entrypoints.cli.commands import Shown, every, limited, runs_use_cases, wants_json
from referral.entrypoints.payout_csv import csv_of


@click.group()
def payout() -> None:
    """Payouts, which mark approved rewards as paid."""


@payout.command()
@click.option("--reference", required=True, help="What it is called where it is really paid.")
@click.option("--unit", required=True, help="A currency, or a name such as points.")
@click.option(
    "--participant", help="Pay what is approved of them: an external id, or `user:` and an id."
)
@click.option(
    "--reward",
    "rewards",
    multiple=True,
    type=click.UUID,
    help="Pay the reward with this id. Can be given several times.",
)
@runs_use_cases
async def create(
    use: UseCases, *, reference: str, unit: str, participant: str | None, rewards: tuple[UUID, ...]
) -> Shown:
    """Mark approved rewards as paid: all of them or none, and once for a reference."""
    made, is_new = await use.rewards.make_payout(
        reference=reference, unit=unit, participant=participant, rewards=rewards or None
    )
    return {**_shown(made), "is_new": is_new}


@payout.command("list")
@limited
@runs_use_cases
async def list_payouts(use: UseCases, limit: int) -> list[Shown]:
    """List payouts, newest first."""
    return [_shown(made) async for made in every(use.rewards.find_payouts, most=limit)]


@payout.command()
@click.option(
    "--output", type=click.File("w"), default="-", help="Where to write; stdout, without it."
)
@runs_use_cases
async def export(use: UseCases, output: IO[str]) -> list[Shown] | None:
    """Write all payouts as CSV (RFC 4180), oldest first, with a line for each participant."""
    lines = await use.rewards.export_payouts()
    if wants_json():
        return [
            {
                **_shown(line.payout),
                "participant": line.beneficiary,
                "amount": line.amount,
            }
            async for line in lines
        ]
    async for row in csv_of(lines):
        output.write(row)
    return None


def _shown(made: Payout) -> Shown:
    return {
        "id": made.id,
        "reference": made.reference,
        "unit": made.unit,
        "amount": made.amount,
        "rewards": made.rewards,
        "created_at": made.created_at,
    }

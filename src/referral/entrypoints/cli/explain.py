from uuid import UUID

import click

from referral.application.use_cases import UseCases
from referral.domain.rewards.explanation import sentence
from referral.entrypoints.cli.commands import Shown, runs_use_cases, wants_json


@click.command()
@click.argument("referral_id", metavar="ID", type=click.UUID)
@click.option("--as-of", help="A time such as 2030-10-10T12:00:00Z; now, without it.")
@runs_use_cases
async def explain(use: UseCases, referral_id: UUID, as_of: str | None) -> list[Shown]:
    """Tell every decision about the referral with this id, oldest first, and why it was made."""
    _, decisions = await use.rewards.explain_referral(referral_id=referral_id, as_of=as_of)
    told: list[Shown] = [{"at": made.at, "sentence": sentence(made.decision)} for made in decisions]
    if not wants_json():
        return told
    return [
        {
            **words,
            "rule": made.decision.rule,
            "terms_version": made.terms_version,
            "outcome": made.decision.outcome,
            "reason": made.decision.reason,
            "inputs": made.decision.inputs,
            "reward_id": made.decision.reward_id,
        }
        for words, made in zip(told, decisions, strict=True)
    ]

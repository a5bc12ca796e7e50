from typing import Any
from uuid import UUID

import click

from referral.application.rewards.decide_reward import RewardVerdict
from referral.application.rewards.ports import NamedReward
from referral.application.use_cases import UseCases
from referral.domain.rewards.reward import RewardStatus
from referral.entrypoints.cli.commands import Shown, every, limited, runs_use_cases

_reward = click.argument("reward_id", metavar="ID", type=click.UUID)
_why = click.option("--reason", required=True, help="Why, for those who ask later.")


@click.group()
def reward() -> None:
    """Rewards, which are pending, held, approved, paid, rejected or reversed."""


@reward.command("list")
@click.option("--participant", help="Whose: an external id, or `user:` and an id.")
@click.option("--program", help="Of this program alone.")
@click.option(
    "--status",
    type=click.Choice([status.value for status in RewardStatus]),
    help="In this status alone.",
)
@limited
@runs_use_cases
async def list_rewards(use: UseCases, /, *, limit: int, **wanted: Any) -> list[Shown]:
    """List rewards, newest first."""
    return [_shown(named) async for named in every(use.rewards.find_rewards, most=limit, **wanted)]


@reward.command()
@_reward
@click.option("--reason", default="", help="Why, for those who ask later.")
@runs_use_cases
async def approve(use: UseCases, reward_id: UUID, reason: str) -> Shown:
    """Let a pending reward be paid before its time, or let a held one wait for its time again."""
    return await _decided(use, reward_id, RewardVerdict.APPROVE, reason)


@reward.command()
@_reward
@_why
@runs_use_cases
async def hold(use: UseCases, reward_id: UUID, reason: str) -> Shown:
    """Keep a reward from being paid until someone has looked at it."""
    return await _decided(use, reward_id, RewardVerdict.HOLD, reason)


@reward.command()
@_reward
@_why
@runs_use_cases
async def reject(use: UseCases, reward_id: UUID, reason: str) -> Shown:
    """Refuse a reward that was not paid, for good."""
    return await _decided(use, reward_id, RewardVerdict.REJECT, reason)


async def _decided(use: UseCases, reward_id: UUID, verdict: RewardVerdict, reason: str) -> Shown:
    return _shown(
        await use.rewards.decide_reward(reward_id=reward_id, verdict=verdict, reason=reason)
    )


def _shown(named: NamedReward) -> Shown:
    found = named.reward
    return {
        "id": found.id,
        "participant": named.beneficiary,
        "program": named.program.value,
        "rule": found.rule,
        "to": found.to.value,
        "amount": found.amount,
        "unit": found.unit,
        "status": found.status.value,
        "created_at": found.created_at,
        "due_at": found.due_at,
        "referral": found.referral_id,
        "recovers": found.recovers,
        "payout": found.payout_id,
    }

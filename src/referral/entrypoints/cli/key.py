from uuid import UUID

import click

from referral.application.use_cases import UseCases
from referral.domain.access.api_key import ApiKey
from referral.domain.access.caller import KeyId, Scope
from referral.entrypoints.cli.commands import Shown, every, runs_use_cases


@click.group()
def key() -> None:
    """API keys, which servers call with."""


@key.command()
@click.option("--name", required=True, help="To know it by.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    type=click.Choice([scope.value for scope in Scope]),
    help="What it may do; to write includes to read. Can be given several times.",
)
@click.option("--expires-at", help="A time such as 2030-10-10T12:00:00Z; without it, never.")
@runs_use_cases
async def create(
    use: UseCases, name: str, scopes: tuple[str, ...], expires_at: str | None
) -> Shown:
    """Make a key, and print it this once. A server that runs knows it within a second."""
    made, secret = await use.access.create_key(name=name, scopes=scopes, expires_at=expires_at)
    return {**_shown(made), "key": secret}


@key.command("list")
@runs_use_cases
async def list_keys(use: UseCases) -> list[Shown]:
    """List the keys, newest first: expired ones too, revoked ones not."""
    return [_shown(made) async for made in every(use.access.list_keys)]


@key.command()
@click.argument("key_id", metavar="ID", type=click.UUID)
@runs_use_cases
async def revoke(use: UseCases, key_id: UUID) -> None:
    """Make the key with this id worthless, within a second."""
    await use.access.revoke_key(key_id=KeyId(key_id))


def _shown(made: ApiKey) -> Shown:
    return {
        "id": made.id,
        "name": made.name,
        "scopes": sorted(made.scopes),
        "created_at": made.created_at,
        "expires_at": made.expires_at,
        "last_used_at": made.last_used_at,
    }

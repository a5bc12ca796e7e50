import click

from referral.application.use_cases import UseCases
from referral.entrypoints.cli.commands import Shown, runs_use_cases


@click.group()
def admin() -> None:
    """Administrators, who may do everything that a key may."""


@admin.command()
@click.argument("email")
@runs_use_cases
async def grant(use: UseCases, email: str) -> None:
    """Make the user with this e-mail address an administrator, within a second."""
    await use.access.grant_admin(email=email)


@admin.command()
@click.argument("email")
@runs_use_cases
async def revoke(use: UseCases, email: str) -> None:
    """Take the role from the user with this e-mail address, within a second."""
    await use.access.revoke_admin(email=email)


@admin.command("list")
@runs_use_cases
async def list_admins(use: UseCases) -> list[Shown]:
    """List the administrators, those first who have been it longest."""
    return [
        {
            "id": held.user.id,
            "email": held.user.email.value,
            "username": held.user.username and held.user.username.value,
            "granted_at": held.granted_at,
        }
        for held in await use.access.list_admins()
    ]

import click

from referral.application.use_cases import UseCases
from referral.entrypoints.cli.commands import Shown, asked, runs_use_cases


@click.group()
def user() -> None:
    """Users."""


@user.command()
@click.option("--username", required=True)
@click.option("--email", required=True)
@click.option("--code", help="Whose referee it shall be, by a referral code.")
@runs_use_cases
async def create(use: UseCases, username: str, email: str, code: str | None) -> Shown:
    """Register a user; the password is asked for, or is the first line of stdin."""
    made = await use.accounts.register_user(
        username=username, email=email, password=asked("Password", confirm=True), code=code
    )
    return {"id": made.id, "email": made.email.value, "username": made.username.value}

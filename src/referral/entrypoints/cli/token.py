import click

from referral.application.use_cases import UseCases
from referral.entrypoints.cli.commands import Shown, asked, runs_use_cases


@click.group()
def token() -> None:
    """Access tokens."""


@token.command()
@click.argument("username")
@runs_use_cases
async def issue(use: UseCases, username: str) -> Shown:
    """Log in by user name or e-mail address; the password is asked for, or is the first line of stdin."""
    pair = await use.access.log_in(username=username, password=asked("Password"))
    return {
        "access_token": pair.access_token,
        "token_type": "Bearer",
        "expires_in": pair.expires_in,
        "refresh_token": pair.refresh_token,
    }

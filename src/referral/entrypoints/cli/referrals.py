import click

from referral.application.pages import MAX_SIZE
from referral.application.use_cases import UseCases
from referral.entrypoints.cli.commands import Shown, limited, runs_use_cases


@click.group()
def referrals() -> None:
    """Who signed up with whose code."""


@referrals.command("list")
@click.argument("referrer")
@limited
@runs_use_cases
async def list_referrals(use: UseCases, referrer: str, limit: int) -> list[Shown]:
    """List whom a referrer brought, newest first; a REFERRER is a user name, an e-mail address or an id."""
    user = await use.accounts.find_user(who=referrer)
    listed: list[Shown] = []
    cursor = None
    while len(listed) < limit:
        page = await use.programs.list_referrals(
            referrer_id=user.id, size=min(MAX_SIZE, limit - len(listed)), cursor=cursor
        )
        listed += [
            {
                "id": referee.id,
                "email": referee.email,
                "username": referee.username,
                "created_at": referee.created_at,
            }
            for referee in page.items
        ]
        cursor = page.next_cursor
        if cursor is None:
            break
    return listed

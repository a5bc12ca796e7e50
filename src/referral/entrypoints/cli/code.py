from datetime import datetime

import click

from referral.application.pages import MAX_SIZE
from referral.application.use_cases import UseCases
from referral.domain.programs.program import DEFAULT
from referral.domain.programs.referral_code import ReferralCode
from referral.entrypoints.cli.commands import Shown, runs_use_cases


@click.group()
def code() -> None:
    """Referral codes. An OWNER is a user name, an e-mail address or an id."""


@code.command()
@click.argument("owner")
@click.option("--expires-at", required=True, help="A time such as 2030-10-10T12:00:00Z.")
@click.option("--code", "text", help="Its text; without it, one is generated.")
@click.option("--program", default=DEFAULT.value, show_default=True, help="Which program's.")
@click.option("--replace-active", is_flag=True, help="Withdraw the active code, if there is one.")
@runs_use_cases
async def issue(
    use: UseCases,
    owner: str,
    expires_at: str,
    text: str | None,
    program: str,
    *,
    replace_active: bool,
) -> Shown:
    """Issue a code for its owner."""
    issued = await use.programs.issue_code(
        owner_id=(await use.accounts.find_user(who=owner)).id,
        expires_at=expires_at,
        code=text,
        replace_active=replace_active,
        program=program,
    )
    return _shown(issued, _now(use))


@code.command("list")
@click.argument("owner")
@runs_use_cases
async def list_codes(use: UseCases, owner: str) -> list[Shown]:
    """List the owner's codes, oldest first: expired ones too, withdrawn ones not."""
    user = await use.accounts.find_user(who=owner)
    listed: list[Shown] = []
    number = pages = 1
    while number <= pages:
        page = await use.programs.list_codes(owner_id=user.id, page=number, size=MAX_SIZE)
        listed += [_shown(issued, _now(use)) for issued in page.items]
        number, pages = number + 1, page.pages
    return listed


@code.command()
@click.argument("text", metavar="CODE")
@runs_use_cases
async def revoke(use: UseCases, text: str) -> None:
    """Withdraw a code: nobody can sign up with it any more."""
    found = await use.programs.code_status(code=text)
    await use.programs.retire_code(owner_id=found.owner_id, code=text)


@code.command()
@click.argument("email")
@runs_use_cases
async def find(use: UseCases, email: str) -> Shown:
    """Find the active code of the user with this e-mail address."""
    found, _ = await use.programs.find_code(email=email)
    return _shown(found, _now(use))


def _now(use: UseCases) -> datetime:
    return use.programs.find_code.clock.now()


def _shown(issued: ReferralCode, now: datetime) -> Shown:
    return {
        "id": issued.id,
        "user_id": issued.owner_id,
        "code": issued.text.value,
        "expires_at": issued.expires_at,
        "is_active": issued.is_usable(now),
        "program": issued.program.slug.value,
        "max_uses": issued.max_uses,
        "uses": issued.uses,
    }

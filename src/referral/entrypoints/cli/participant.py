import click

from referral.application.use_cases import UseCases
from referral.domain.accounts.user import Participant
from referral.entrypoints.cli.commands import Shown, runs_use_cases


@click.group()
def participant() -> None:
    """People whom a server enrols. A PARTICIPANT is an external id, or `user:` and an id."""


@participant.command()
@click.argument("external_id")
@click.option("--email", help="Where to reach them.")
@click.option("--username", help="What to call them.")
@click.option("--locale", help="The language they read, such as de-AT.")
@runs_use_cases
async def enrol(
    use: UseCases, external_id: str, email: str | None, username: str | None, locale: str | None
) -> Shown:
    """Enrol someone under your own id for them, or change who they are; what is left out is forgotten."""
    enrolled, _ = await use.accounts.enrol_participant(
        external_id=external_id, email=email, username=username, locale=locale
    )
    return _shown(enrolled)


@participant.command()
@click.argument("participant")
@runs_use_cases
async def show(use: UseCases, participant: str) -> Shown:
    """Show who someone is."""
    return _shown(await use.accounts.show_participant(participant=participant))


@participant.command()
@click.argument("participant")
@runs_use_cases
async def erase(use: UseCases, participant: str) -> None:
    """Forget all that tells who someone is; their codes are withdrawn."""
    await use.accounts.erase_participant(participant=participant)


@participant.command()
@click.argument("participant")
@runs_use_cases
async def balance(use: UseCases, participant: str) -> list[Shown]:
    """Show what someone's accounts hold, by unit; what is recoverable is taken off the next payout."""
    balances = await use.rewards.show_balance(participant=participant)
    return [held._asdict() for held in balances]


def _shown(found: Participant) -> Shown:
    return {
        "id": found.id,
        "external_id": found.external_id and found.external_id.value,
        "email": found.email and found.email.value,
        "username": found.username and found.username.value,
        "locale": found.locale and found.locale.value,
        "created_at": found.created_at,
        "referrer_id": found.referrer_id,
    }

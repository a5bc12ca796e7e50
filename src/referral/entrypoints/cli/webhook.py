import click

from referral.application.use_cases import UseCases
from referral.domain.webhooks.endpoint import Endpoint
from referral.entrypoints.cli.commands import Shown, every, runs_use_cases


@click.group()
def webhook() -> None:
    """Webhook endpoints, which hear of what happens."""


@webhook.command()
@click.argument("url")
@click.option(
    "--event",
    "events",
    multiple=True,
    required=True,
    help="What it hears of, such as referral.created or reward.*. Can be given several times.",
)
@click.option("--description", help="What it is for.")
@runs_use_cases
async def add(use: UseCases, url: str, events: tuple[str, ...], description: str | None) -> Shown:
    """Have messages sent to URL, and print the secret that signs them this once."""
    made, secret = await use.webhooks.create_endpoint(
        url=url, events=events, description=description
    )
    return {**_shown(made), "secret": secret}


@webhook.command("list")
@runs_use_cases
async def list_endpoints(use: UseCases) -> list[Shown]:
    """List the endpoints, newest first."""
    return [_shown(made) async for made in every(use.webhooks.list_endpoints)]


def _shown(made: Endpoint) -> Shown:
    return {
        "id": made.id,
        "url": made.url,
        "events": made.events,
        "description": made.description,
        "status": made.status.value,
        "disabled_because": made.disabled_because,
        "created_at": made.created_at,
    }

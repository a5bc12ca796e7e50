from uuid import UUID

import click

from referral.application.use_cases import UseCases
from referral.domain.webhooks.endpoint import Endpoint, EndpointId
from referral.entrypoints.cli.commands import Shown, every, runs_use_cases
from referral.entrypoints.cli.webhook_listen import listen
from referral.entrypoints.cli.webhook_replay import replay_all


@click.group()
def webhook() -> None:
    """Webhook endpoints, which hear of what happens."""


webhook.add_command(listen)


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


@webhook.command()
@click.argument("endpoint_id", metavar="ID", type=click.UUID)
@runs_use_cases
async def test(use: UseCases, endpoint_id: UUID) -> Shown:
    """Have a server that runs send a message webhook.test to the endpoint with this id."""
    added = await use.webhooks.try_endpoint(endpoint_id=EndpointId(endpoint_id))
    return {"message": added.message_id, "status": added.status.value}


@webhook.command()
@click.argument("endpoint_id", metavar="ID", type=click.UUID)
@click.option("--message", help="The id of one message.")
@click.option("--from", "since", help="All from this time on, such as 2030-10-10T12:00:00Z.")
@click.option("--to", "until", help="Before this time; without it, until now.")
@click.option("--only-failed", is_flag=True, help="Leave out what was delivered.")
@runs_use_cases
async def replay(
    use: UseCases,
    endpoint_id: UUID,
    *,
    message: str | None,
    since: str | None,
    until: str | None,
    only_failed: bool,
) -> Shown:
    """Have a server that runs send what the endpoint was sent once more, in order: one message, or all from a time on.

    On a terminal it waits, with a bar, until they are delivered; else it says how many wait.
    """
    if (message is None) == (since is None):
        raise click.UsageError("Give either --message or --from.")
    endpoint = EndpointId(endpoint_id)
    if message is not None:
        await use.webhooks.replay_message(endpoint_id=endpoint, message=message)
        return {"replayed": 1}
    return await replay_all(use, endpoint, since=since or "", until=until, only_failed=only_failed)


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

"""`referral webhook listen`: a receiver on this machine, for those who develop one."""

import asyncio
import json
import os
import signal
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

import click

from referral.domain.errors import InvalidInput
from referral.domain.webhooks.signing import refusal_of, secret_from
from referral.entrypoints.cli.commands import asked

HOST = "127.0.0.1"


@click.command()
@click.option(
    "--port", type=click.IntRange(0, 65535), default=9000, show_default=True, help="0: a free one."
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object a line, for scripts.")
def listen(*, port: int, as_json: bool) -> None:
    """Print the messages that arrive at a port of this machine, and whether the endpoint's secret has signed them.

    The secret, whsec_…, is read from the environment variable WEBHOOK_SECRET, else asked for, or read from stdin. Ctrl-C ends it.
    """
    try:
        secret = secret_from(os.environ.get("WEBHOOK_SECRET") or asked("Secret"))
    except InvalidInput as refusal:
        raise click.ClickException(str(refusal)) from None
    show = _print_json if as_json else _print_line
    try:
        asyncio.run(_listen(port, Inbox(secret, show)))
    except OSError as error:
        raise click.ClickException(
            f"Cannot listen on {HOST}:{port}: {os.strerror(error.errno or 0)}."
        ) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A message as it arrived; `refused` says why it is not to be believed, and then nothing of it is shown."""

    at: str
    id: str | None
    refused: str | None
    again: bool = False
    message: Any = None


@dataclass(slots=True)
class Inbox:
    """Judges what arrives, and shows it."""

    secret: bytes
    show: Callable[[Arrival], None]
    _known: set[str] = field(default_factory=set)

    async def answer(self, request: Any) -> Any:
        """204 for a message that is signed, 400 for any other."""
        from aiohttp import web

        if request.method != "POST":
            return web.Response(status=405, headers={"Allow": "POST"})
        body, now = await request.read(), datetime.now(UTC)
        names = ("webhook-id", "webhook-timestamp", "webhook-signature")
        message, timestamp, signature = (request.headers.get(name, "") for name in names)
        refused = refusal_of(self.secret, message, timestamp, signature, body, now=now)
        told = None
        if refused is None:
            try:
                told = json.loads(body)
            except ValueError:
                refused = "The body is not JSON."
        again = refused is None and message in self._known
        if refused is None:
            self._known.add(message)
        at = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self.show(Arrival(at=at, id=message or None, refused=refused, again=again, message=told))
        return web.Response(status=204 if refused is None else 400)


async def _listen(port: int, inbox: Inbox) -> None:
    from aiohttp import web

    stopped = asyncio.Event()
    for which in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(which, stopped.set)
    runner = web.ServerRunner(web.Server(inbox.answer))
    await runner.setup()
    try:
        site = web.TCPSite(runner, HOST, port)
        await site.start()
        click.echo(
            f"Listening on http://{HOST}:{runner.addresses[0][1]}/; Ctrl-C ends it.", err=True
        )
        await stopped.wait()
    finally:
        await runner.cleanup()


def _print_json(arrival: Arrival) -> None:
    click.echo(json.dumps(asdict(arrival)))


def _print_line(arrival: Arrival) -> None:
    # As JSON, for who is not believed may send anything to a terminal.
    shown = arrival.refused or json.dumps(arrival.message)
    verdict = "refused" if arrival.refused else "again  " if arrival.again else "good   "
    click.echo(f"{arrival.at}  {verdict}  {json.dumps(arrival.id)}  {shown}")

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import click
import msgspec

from referral.application.use_cases import UseCases
from referral.domain.errors import Busy, ReferralError
from referral.entrypoints.cli.commands import PartlyRefused, Shown, runs_use_cases, told


class EventLine(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A line of stdin: the members of `POST /events`."""

    id: str
    type: str
    participant: str | None = None
    amount: int | None = None
    unit: str | None = None
    of: str | None = None
    occurred_at: str | None = None
    metadata: dict[str, str] | None = None


def _texts(_: object, __: object, given: tuple[str, ...]) -> dict[str, str]:
    pairs = [text.partition("=") for text in given]
    if not all(equals for _, equals, _ in pairs):
        raise click.BadParameter("Write NAME=TEXT.")
    return {name: text for name, _, text in pairs}


@click.group()
def event() -> None:
    """What people did, as servers tell it."""


@event.command()
@click.option("--id", help="Your own id for it, such as an order number.")
@click.option("--type", help="Your word for what was done, such as purchase.")
@click.option("--participant", help="Whose event it is: an external id, or `user:` and an id.")
@click.option("--amount", type=int, help="In the unit's minor unit, such as cents.")
@click.option("--unit", help="A currency, or a name such as points.")
@click.option("--of", help="Which event a refund is of.")
@click.option("--occurred-at", help="A time such as 2030-10-10T12:00:00Z; now, without it.")
@click.option(
    "--metadata", multiple=True, callback=_texts, metavar="NAME=TEXT", help="Kept with it."
)
@runs_use_cases
async def record(use: UseCases, /, **given: Any) -> Shown:
    """Record the event that the options tell of, or else those on stdin: JSON, a line each.

    What is refused of stdin is told on stderr, with the line's number; the rest is recorded. Told again, an event is
    recorded once.
    """
    if not any(given.values()):
        return await _record_all(use, _progress(sys.stdin.buffer))
    recorded, is_new = await use.rewards.record_event(
        **{**given, "id": given["id"] or "", "type": given["type"] or ""}
    )
    return {
        "id": recorded.event.id.value,
        "is_new": is_new,
        "referral_id": recorded.event.participant_id if recorded.status else None,
        "status": recorded.status,
        "reasons": [decision.reason for decision in recorded.decisions],
    }


async def _record_all(use: UseCases, lines: Iterable[bytes]) -> Shown:
    counts = Counter(new=0, known=0, refused=0)
    number = 0  # of the line that was read last, which is the one that an outcome is of

    def refuse(why: str) -> None:
        counts["refused"] += 1
        click.echo(f"line {number}: {why}", err=True)

    def events() -> Iterator[Mapping[str, Any]]:
        nonlocal number
        for line in lines:
            number += 1
            try:
                read = msgspec.json.decode(line, type=EventLine)
            except msgspec.MsgspecError as error:
                refuse(f"{error}.")
            else:
                yield msgspec.structs.asdict(read)

    async for outcome in use.rewards.record_events(events()):
        if isinstance(outcome, ReferralError):
            refuse(told(outcome))
            if isinstance(outcome, Busy):
                click.echo("Send all of it again later; nothing is recorded twice.", err=True)
                break
        else:
            counts["new" if outcome[1] else "known"] += 1
    return PartlyRefused(counts) if counts["refused"] else counts


def _progress(lines: Iterable[bytes]) -> Iterable[bytes]:
    """The lines, with a bar on a terminal while they are read."""
    if not sys.stderr.isatty():
        return lines
    from rich.console import Console
    from rich.progress import track

    return track(lines, "Recording", total=None, console=Console(stderr=True))

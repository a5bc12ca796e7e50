"""What all commands share that run use cases: how they run them, what they print, and how they end."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import redirect_stdout
from datetime import datetime
from functools import partial, wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

import click

from referral.application.pages import MAX_SIZE, ListPage
from referral.application.ports import Clock
from referral.application.use_cases import UseCases
from referral.domain.errors import InvalidInput, ReferralError
from referral.entrypoints.bootstrap.settings import Settings

REFUSED = 1  # the exit status when a rule says no

limited = click.option(
    "--limit", default=100, show_default=True, type=click.IntRange(min=1), help="At most so many."
)
as_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")

P = ParamSpec("P")
T = TypeVar("T")
Shown = Mapping[str, Any]
Result = Shown | Sequence[Shown] | None


class PartlyRefused(dict[str, Any]):
    """Something to print, of which a part was refused: the exit status says so."""


def runs_use_cases(
    do: Callable[Concatenate[UseCases, P], Awaitable[Result]],
) -> Callable[..., None]:
    """A command that prints what `do` gives: one thing, or a list of them, as a table or as JSON.

    What is refused is told on stderr, in the words of the API, with exit status 1.
    """

    @as_json_option
    @wraps(do)
    def command(*, as_json: bool, **given: Any) -> None:
        run_use_cases(partial(do, **given), as_json=as_json)

    return command


def run_use_cases(
    do: Callable[[UseCases], Awaitable[Result]], *, as_json: bool, clock: Clock | None = None
) -> None:
    """The same for a command that takes its own options; with a `clock`, that tells the time."""
    settings = click.get_current_context().obj
    try:
        # What is logged goes where it does not mix with what is printed.
        with redirect_stdout(sys.stderr):
            result = asyncio.run(_done(settings, do, clock))
    except ReferralError as refusal:
        click.echo(told(refusal), err=True)
        raise click.exceptions.Exit(REFUSED) from None
    if as_json:
        _print_json(result)
    elif result is not None:
        _print_table(result)
    if isinstance(result, PartlyRefused):
        raise click.exceptions.Exit(REFUSED)


async def _done(
    settings: Settings, do: Callable[[UseCases], Awaitable[Result]], clock: Clock | None
) -> Result:
    from referral.entrypoints.bootstrap.container import open_use_cases

    async with open_use_cases(settings, clock) as use:
        return await do(use)


def told(refusal: ReferralError) -> str:
    """The refusal in words; of several values that are wrong, each in a line with its name."""
    if not isinstance(refusal, InvalidInput) or not any(v.field for v in refusal.violations):
        return str(refusal)
    return "\n".join(f"{v.field}: {v.detail}" for v in refusal.violations)


def wants_json() -> bool:
    """Whether the command that runs was asked for JSON."""
    return bool(click.get_current_context().params["as_json"])


async def every(
    list_page: Callable[..., Awaitable[ListPage[T]]], *, most: int | None = None, **given: Any
) -> AsyncIterator[T]:
    """All items of a list that is walked by cursor, or the first `most`."""
    cursor, count = None, 0
    while True:
        page = await list_page(limit=MAX_SIZE, cursor=cursor, **given)
        for item in page.items:
            if count == most:
                return
            yield item
            count += 1
        cursor = page.next_cursor
        if cursor is None:
            return


def asked(secret: str, *, confirm: bool = False) -> str:
    """A secret, from a prompt on a terminal, else the first line of stdin: never an argument, which others can see."""
    if sys.stdin.isatty():
        text: str = click.prompt(secret, hide_input=True, confirmation_prompt=confirm, err=True)
        return text
    return sys.stdin.readline().rstrip("\r\n")


def _print_json(result: Result) -> None:
    import msgspec

    click.echo(msgspec.json.format(msgspec.json.encode(result), indent=2))


def _print_table(result: Shown | Sequence[Shown]) -> None:
    """A table on a terminal; elsewhere lines whose values a tab divides."""
    if isinstance(result, Mapping):
        rows = [[name, _cell(value)] for name, value in result.items()]
        head = None
    else:
        head = list(result[0]) if result else None
        rows = [[_cell(value) for value in shown.values()] for shown in result]
    if not sys.stdout.isatty():
        for row in [head, *rows] if head else rows:
            click.echo("\t".join(row))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*(head or ()), show_header=head is not None)
    for row in rows:
        table.add_row(*map(Text, row))
    Console().print(table if rows else "There are none.")


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds").replace("+00:00", "Z")
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_cell, value))
    return str(value)

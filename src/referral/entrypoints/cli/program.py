import gc
import json
from dataclasses import asdict
from datetime import datetime
from typing import IO, Any

import click

from referral.application.rewards.backtest_terms import Compared
from referral.application.use_cases import UseCases
from referral.domain.programs.program import Program, ProgramStatus
from referral.domain.rewards.replay import Sum
from referral.entrypoints.cli.commands import Shown, every, runs_use_cases, wants_json
from referral.entrypoints.cli.progress import progress


def _read(_: object, __: object, file: IO[str] | None) -> dict[str, Any]:
    """The terms that a file spells out; without one, those of the default program."""
    try:
        terms = json.load(file) if file else {}
    except ValueError as error:
        raise click.BadParameter(f"This is not JSON: {error}.") from None
    if not isinstance(terms, dict):
        raise click.BadParameter("Terms are a JSON object.")
    return terms


@click.group()
def program() -> None:
    """Programs and their terms."""


@program.command()
@click.argument("slug")
@click.option("--name", required=True, help="What people read.")
@click.option("--terms", type=click.File(), callback=_read, help="A file of JSON, or - for stdin.")
@click.option("--starts-at", help="A time such as 2030-10-10T12:00:00Z.")
@click.option("--ends-at", help="A time such as 2030-10-10T12:00:00Z.")
@click.option("--landing-url", help="Where the program's links lead.")
@click.option("--active", is_flag=True, help="Make it active at once.")
@runs_use_cases
async def create(
    use: UseCases,
    slug: str,
    *,
    name: str,
    terms: dict[str, Any],
    starts_at: str | None,
    ends_at: str | None,
    landing_url: str | None,
    active: bool,
) -> Shown:
    """Draft a program. Nobody can join it before it is active."""
    drafted = await use.programs.create_program(
        slug=slug,
        name=name,
        terms=terms,
        starts_at=starts_at,
        ends_at=ends_at,
        landing_url=landing_url,
    )
    made = drafted.program
    if active:
        made = await use.programs.change_program(slug=slug, status=ProgramStatus.ACTIVE)
    return _shown(made)


@program.command("list")
@runs_use_cases
async def list_programs(use: UseCases) -> list[Shown]:
    """List the programs, newest first."""
    return [_shown(listed) async for listed in every(use.programs.list_programs)]


@program.command()
@click.argument("slug")
@runs_use_cases
async def show(use: UseCases, slug: str) -> Shown:
    """Show a program with its terms in force."""
    shown = await use.programs.show_program(slug=slug)
    return {**_shown(shown.program), "terms": shown.terms.plain()}


@program.command()
@click.argument("slug")
@click.argument("file", type=click.File(), callback=_read)
@runs_use_cases
async def terms(use: UseCases, slug: str, file: dict[str, Any]) -> Shown:
    """Give a program the terms in FILE, in force from now on; - is stdin."""
    kept = await use.programs.add_terms(slug=slug, terms=file)
    return {"version": kept.version, "created_at": kept.created_at, "terms": kept.terms.plain()}


@program.command()
@click.argument("slug")
@click.argument("status", type=click.Choice([status.value for status in ProgramStatus]))
@runs_use_cases
async def status(use: UseCases, slug: str, status: str) -> Shown:
    """Make a program active, paused or ended, which is final."""
    return _shown(await use.programs.change_program(slug=slug, status=status))


@program.command()
@click.argument("slug")
@click.argument("file", type=click.File(), callback=_read)
@click.option("--from", "since", help="Those alone who were referred from this time on.")
@click.option("--to", "until", help="Those alone who were referred before this time.")
@runs_use_cases
async def backtest(
    use: UseCases, slug: str, file: dict[str, Any], *, since: str | None, until: str | None
) -> Shown | list[Shown]:
    """Compare what the terms in FILE would have given so far with what today's would have; nothing is changed."""
    # Rows make no circles, and to look for some takes a quarter of the time.
    gc.disable()
    with progress("Judging") as tell:
        found = await use.rewards.backtest_terms(
            slug=slug, terms=file, since=since, until=until, progress=tell
        )
    if not wants_json():
        return [_line(compared) for compared in [*found.rules, *found.totals]]
    return {
        "terms_version": found.terms_version,
        "referrals": found.referrals,
        "events": found.events,
        "rules": [{"rule": compared.rule, **_sums(compared)} for compared in found.rules],
        "totals": [_sums(compared) for compared in found.totals],
    }


def _line(compared: Compared) -> Shown:
    return {
        "rule": compared.rule or "(all)",
        "unit": compared.unit,
        "today": _plain(compared.today),
        "draft": _plain(compared.draft),
        "difference": _plain(compared.difference),
    }


def _plain(given: Sum) -> str:
    return f"{given.rewards} = {given.amount}"


def _sums(compared: Compared) -> Shown:
    return {
        "unit": compared.unit,
        "today": asdict(compared.today),
        "draft": asdict(compared.draft),
        "difference": asdict(compared.difference),
    }


def _shown(shown: Program) -> Shown:
    dates: dict[str, datetime | None] = {"starts_at": shown.starts_at, "ends_at": shown.ends_at}
    return {
        "slug": shown.slug.value,
        "name": shown.name,
        "status": shown.status.value,
        **dates,
        "landing_url": shown.landing_url,
        "terms_version": shown.terms_version,
        "created_at": shown.created_at,
    }

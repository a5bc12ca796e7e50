"""The command line: `referral`. What a command needs is imported when it runs, so that help is quick."""

import json
import sys
from importlib.metadata import version

import click

from referral.entrypoints.bootstrap.load_settings import load_settings
from referral.entrypoints.bootstrap.settings import PREFIX, CannotStart, Settings
from referral.entrypoints.cli.admin import admin
from referral.entrypoints.cli.code import code
from referral.entrypoints.cli.demo.command import demo
from referral.entrypoints.cli.event import event
from referral.entrypoints.cli.explain import explain
from referral.entrypoints.cli.key import key
from referral.entrypoints.cli.ledger import ledger
from referral.entrypoints.cli.participant import participant
from referral.entrypoints.cli.payout import payout
from referral.entrypoints.cli.program import program
from referral.entrypoints.cli.referrals import referrals
from referral.entrypoints.cli.review import review
from referral.entrypoints.cli.reward import reward
from referral.entrypoints.cli.token import token
from referral.entrypoints.cli.user import user
from referral.entrypoints.cli.webhook import webhook


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("referral"))
@click.pass_context
def referral(context: click.Context) -> None:
    """A self-hosted referral service.

    Settings are REFERRAL_* environment variables, also read from `.env`; `referral config` lists them.
    """
    context.obj = load_settings()


@referral.command()
@click.pass_obj
def serve(settings: Settings) -> None:
    """Serve the HTTP API until stopped."""
    from referral.entrypoints.processes import server

    server.serve(settings)


@referral.command()
@click.pass_obj
def migrate(settings: Settings) -> None:
    """Bring the database to the schema of this version."""
    from referral.entrypoints.bootstrap.container import migrate_database
    from referral.entrypoints.bootstrap.logs import logging_to_stderr

    with logging_to_stderr(settings):
        migrate_database(settings)
    click.echo("The database is up to date.")


@referral.command()
@click.pass_obj
def config(settings: Settings) -> None:
    """Print the settings in force, secrets masked."""
    from referral.entrypoints.bootstrap.settings import masked

    for name, value in masked(settings).items():
        click.echo(f"{PREFIX}{name.upper()}={value}")


@referral.command()
@click.pass_obj
def openapi(settings: Settings) -> None:
    """Print the OpenAPI document."""
    from referral.entrypoints.bootstrap.container import openapi_document

    click.echo(json.dumps(openapi_document(settings), indent=2, ensure_ascii=False))


for command in (
    *(admin, code, demo, event, explain, key, ledger, participant, payout, program),
    *(referrals, review, reward, token, user, webhook),
):
    referral.add_command(command)


def main() -> None:
    """Run the command line; what an operator can mend is told in a line, with status 1, or 2 for settings."""
    try:
        referral()
    except CannotStart as error:
        click.echo(error, err=True)
        sys.exit(error.exit_status)

"""Reads and checks the settings."""

import difflib
import os
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import msgspec
from dotenv import dotenv_values

from referral.entrypoints.bootstrap.database_url import is_read_as_meant
from referral.entrypoints.bootstrap.secret_strength import weakness
from referral.entrypoints.bootstrap.settings import PREFIX, Settings, SettingsError

TESTS_PREFIX = "REFERRAL_TEST_"  # for the tests; the service ignores them
LONGEST_TTL = timedelta(days=3650)


def load_settings(environ: Mapping[str, str] = os.environ, dotenv: Path = Path(".env")) -> Settings:
    """The settings in force: the environment before `.env`, an empty value as if it were not there.

    Raises SettingsError with a line for each unknown name and each bad value.
    """
    try:
        # Read here, for dotenv passes over a directory, such as Docker mounts where there is no file.
        written = dotenv.read_text("utf-8") if dotenv.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{dotenv}: cannot be read: {error}") from error
    given = {
        name: value
        for source in (dotenv_values(stream=StringIO(written)), environ)
        for name, value in source.items()
        if name.startswith(PREFIX) and not name.startswith(TESTS_PREFIX) and value
    }
    fields = {PREFIX + f.name.upper(): f for f in msgspec.structs.fields(Settings)}
    values: dict[str, Any] = {}
    complaints = []
    for name, raw in given.items():
        if name not in fields:
            known = [field.removeprefix(PREFIX) for field in fields]
            near = difflib.get_close_matches(name.removeprefix(PREFIX), known, 1)
            hint = f"; did you mean {PREFIX}{near[0]}?" if near else ""
            complaints.append(f"{name}: there is no such setting{hint}")
            continue
        field = fields[name]
        text = _spelled_out(raw) if isinstance(field.default, timedelta) else raw
        try:
            values[field.name] = msgspec.convert(
                text, field.type, strict=False, dec_hook=_from_text
            )
        except msgspec.ValidationError as error:
            complaints.append(f"{name}: {error}")
    settings = Settings(**values)
    complaints += _contradictions(settings)
    if complaints:
        raise SettingsError("\n".join(complaints))
    return settings


def _spelled_out(raw: str) -> str:
    """A short duration such as 15m in ISO 8601, which msgspec reads; anything else as it is."""
    short = re.fullmatch(r"(\d{1,9})([smhd])", raw)
    if not short:
        return raw
    number, unit = short.groups()
    return f"P{number}D" if unit == "d" else f"PT{number}{unit.upper()}"


def _from_text(wanted: type, raw: Any) -> Any:
    if wanted is Path:
        return Path(raw)
    raise NotImplementedError


def _no_hosts(hosts: tuple[str, ...]) -> Iterator[str]:
    for host in hosts:
        if not re.fullmatch(r"\*|(\*\.)?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*", host):
            yield f"REFERRAL_ALLOWED_HOSTS: {host!r} is no name of a host, without a port"


def _contradictions(settings: Settings) -> Iterator[str]:
    if settings.database_url:
        if not settings.database_url.startswith(("postgresql://", "postgres://")):
            yield "REFERRAL_DATABASE_URL: Expected a URL that starts with postgresql://"
        elif not is_read_as_meant(settings.database_url):
            yield (
                "REFERRAL_DATABASE_URL: Expected a URL in which / ? # @ [ ] are written as"
                " %2F %3F %23 %40 %5B %5D where they belong to the user name or the password"
            )
        if not settings.secret and not settings.secret_file:
            yield "REFERRAL_SECRET: Required together with REFERRAL_DATABASE_URL"
    if settings.secret and settings.secret_file:
        yield "REFERRAL_SECRET_FILE: Expected this or REFERRAL_SECRET, not both"
    if settings.secret and (complaint := weakness(settings.secrets)):
        yield f"REFERRAL_SECRET: {complaint}"
    for name in ("access_token_ttl", "refresh_token_ttl", "webhook_retention"):
        if not timedelta(seconds=1) <= getattr(settings, name) <= LONGEST_TTL:
            yield f"{PREFIX}{name.upper()}: Expected a second to {LONGEST_TTL.days} days"
    yield from _no_hosts(settings.hosts)
    try:
        _ = settings.proxy_networks
    except ValueError as error:
        yield f"REFERRAL_TRUSTED_PROXIES: {error}"

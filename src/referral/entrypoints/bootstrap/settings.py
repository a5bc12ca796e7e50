"""What can be set from outside: environment variables called REFERRAL_*, also read from `.env`."""

import difflib
import ipaddress
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl, urlsplit

import msgspec
from dotenv import dotenv_values
from msgspec import Meta

PREFIX = "REFERRAL_"
TESTS_PREFIX = "REFERRAL_TEST_"  # for the tests; the service ignores them
SECRET_MIN_BYTES = 32
# Different ones; 32 random hexadecimal digits have fewer once in a million.
SECRET_MIN_CHARACTERS = 10
# What others' documentation signs its examples with, and what is copied from there.
SAMPLE_SECRETS = {
    "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",  # FastAPI's tutorial
    "a-string-secret-at-least-256-bits-long",  # jwt.io
}
# Parameters of a database URL that hold no secret.
HARMLESS = frozenset(
    [
        "application_name",
        "database",
        "dbname",
        "host",
        "port",
        "sslmode",
        "sslrootcert",
        "target_session_attrs",
        "user",
    ]
)
HIDDEN = "********"
LONGEST_TTL = timedelta(days=3650)

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]]*)(:\d*)?")

Switch = Literal["on", "off"]


class CannotStart(Exception):
    """Nothing can be served or done; the message tells an operator what to mend."""

    exit_status = 1


class SettingsError(CannotStart):
    """The settings cannot be used; each line says which and why."""

    exit_status = 2


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The service's settings; each is an environment variable, REFERRAL_ and the field's name in capitals."""

    database_url: Annotated[
        str, Meta(description="`postgresql://…` of your own database; without it, the embedded one")
    ] = ""
    data_dir: Annotated[
        Path, Meta(description="keeps the embedded database and the generated secret")
    ] = Path(".referral")
    pg_bin: Annotated[
        Path | None, Meta(description="directory of the PostgreSQL programs to embed")
    ] = None
    host: Annotated[str, Meta(description="address to listen on")] = "127.0.0.1"
    port: Annotated[int, Meta(description="port to listen on", ge=1, le=65535)] = 8000
    workers: Annotated[int, Meta(description="processes that serve", ge=1, le=256)] = 1
    drain_seconds: Annotated[
        int,
        Meta(
            description="how long to serve on, but no longer be ready, when told to stop",
            ge=0,
            le=300,
        ),
    ] = 0
    secret: Annotated[
        str,
        Meta(
            description="signs access tokens, 32 bytes or more; after it, with commas, earlier ones that are still"
            " good. Required with a database of your own, else generated and kept in the data directory"
        ),
    ] = ""
    secret_file: Annotated[
        Path | None,
        Meta(description="a file with these secrets, one a line, in place of `REFERRAL_SECRET`"),
    ] = None
    bcrypt_cost: Annotated[int, Meta(description="2^cost rounds a password", ge=4, le=15)] = 12
    access_token_ttl: Annotated[
        timedelta,
        Meta(
            description="how long an access token is good: seconds, or a number with s, m, h or d"
        ),
    ] = timedelta(minutes=15)
    refresh_token_ttl: Annotated[
        timedelta,
        Meta(
            description="how long a refresh token is good: seconds, or a number with s, m, h or d"
        ),
    ] = timedelta(days=30)
    pool_size: Annotated[int, Meta(description="database connections a worker", ge=1, le=1000)] = 10
    statement_cache: Annotated[
        Switch,
        Meta(description="whether statements are kept prepared; behind a pooler they never are"),
    ] = "on"
    rate_limits: Annotated[
        Switch, Meta(description="off for load tests and behind a gateway that limits")
    ] = "on"
    trusted_proxies: Annotated[
        str,
        Meta(description="addresses or networks, with commas, whose X-Forwarded-For is believed"),
    ] = ""
    allowed_hosts: Annotated[
        str,
        Meta(
            description="names, with commas, to be called by: `example.org`, `*.example.org`, or `*` for any;"
            " by default localhost when REFERRAL_HOST is a loopback address, else any. IP addresses always are"
        ),
    ] = ""
    docs: Annotated[Switch, Meta(description="whether /docs and /openapi.* answer")] = "on"
    metrics: Annotated[Switch, Meta(description="whether /metrics answers")] = "on"
    log_format: Annotated[
        Literal["console", "json"], Meta(description="console by default on a terminal, else json")
    ] = "console" if sys.stderr.isatty() else "json"
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="the least that is logged")
    ] = "info"

    @property
    def secrets(self) -> tuple[str, ...]:
        """The secret that signs, and after it earlier ones that are still good."""
        return tuple(filter(None, map(str.strip, re.split(r"[,\n]", self.secret))))

    @property
    def hosts(self) -> tuple[str, ...]:
        given = tuple(filter(None, (part.strip() for part in self.allowed_hosts.split(","))))
        if given:
            return given
        return ("localhost",) if self.host.startswith(("127.", "::1", "localhost")) else ("*",)

    @property
    def proxy_networks(self) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
        given = filter(None, (part.strip() for part in self.trusted_proxies.split(",")))
        return tuple(ipaddress.ip_network(network) for network in given)


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
        elif not _is_read_as_meant(settings.database_url):
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
    for name in ("access_token_ttl", "refresh_token_ttl"):
        if not timedelta(seconds=1) <= getattr(settings, name) <= LONGEST_TTL:
            yield f"{PREFIX}{name.upper()}: Expected a second to {LONGEST_TTL.days} days"
    yield from _no_hosts(settings.hosts)
    try:
        _ = settings.proxy_networks
    except ValueError as error:
        yield f"REFERRAL_TRUSTED_PROXIES: {error}"


def _is_read_as_meant(url: str) -> bool:
    """Whether no sign in it can have another meaning than it was meant to have.

    A host, a port or an error message would be made of the password otherwise.
    """
    try:
        parts = urlsplit(url)
        parse_qsl(parts.query, strict_parsing=bool(parts.query))
    except ValueError:
        return False
    person, _, hosts = parts.netloc.rpartition("@")
    return (
        not parts.fragment
        and "@" not in person
        and all(_HOST.fullmatch(host) for host in hosts.split(","))
    )


def weakness(secrets: Sequence[str]) -> str | None:
    """What is wrong with these secrets, without repeating them; None when they are fit to sign with."""
    if any(len(secret.encode()) < SECRET_MIN_BYTES for secret in secrets) or not secrets:
        return f"Expected at least {SECRET_MIN_BYTES} bytes"
    if any(len(set(secret)) < SECRET_MIN_CHARACTERS for secret in secrets):
        return f"Expected at least {SECRET_MIN_CHARACTERS} different characters, chosen at random"
    if not SAMPLE_SECRETS.isdisjoint(secrets):
        return "Expected a secret of your own, not the example in somebody's documentation"
    return None


def masked(settings: Settings) -> dict[str, str]:
    """The settings as text, fit to be shown: no secret and no password."""
    shown = {f.name: str(getattr(settings, f.name) or "") for f in msgspec.structs.fields(settings)}
    shown["secret"] = HIDDEN if settings.secret else ""
    shown["database_url"] = _without_passwords(settings.database_url)
    return shown


def _without_passwords(url: str) -> str:
    """The URL with `********` for the password, and for each parameter that is not known to hold no secret."""
    if not _is_read_as_meant(url):
        return HIDDEN
    address, mark, parameters = url.partition("?")
    address = re.sub(r"(?<=://)([^:@/]*:)[^@/]*(?=@)", rf"\1{HIDDEN}", address)
    return address + mark + re.sub(r"([^=&]*)=[^&]*", _masked_parameter, parameters)


def _masked_parameter(given: re.Match[str]) -> str:
    return given[0] if given[1] in HARMLESS else f"{given[1]}={HIDDEN}"

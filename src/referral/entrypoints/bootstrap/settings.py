"""What can be set from outside: environment variables called REFERRAL_*, also read from `.env`."""

import ipaddress
import re
import sys
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from referral.entrypoints.bootstrap.database_url import HIDDEN, without_passwords

PREFIX = "REFERRAL_"


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
    key_rate_limit: Annotated[
        int, Meta(description="calls a minute with one API key", ge=1, le=2**31 - 1)
    ] = 6000
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
    webhook_private_networks: Annotated[
        Switch,
        Meta(
            description="whether webhooks are sent to addresses that are not public, and by http to this machine:"
            " for development"
        ),
    ] = "off"
    webhook_retention: Annotated[
        timedelta,
        Meta(
            description="how long messages to webhooks are kept that are delivered, or have failed: seconds, or a number"
            " with s, m, h or d"
        ),
    ] = timedelta(days=30)
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


def masked(settings: Settings) -> dict[str, str]:
    """The settings as text, fit to be shown: no secret and no password."""
    shown = {f.name: str(getattr(settings, f.name) or "") for f in msgspec.structs.fields(settings)}
    shown["secret"] = HIDDEN if settings.secret else ""
    shown["database_url"] = without_passwords(settings.database_url)
    return shown

"""What an operator should know about how the service reaches its database."""

from dataclasses import dataclass

import asyncpg

from referral.adapters.postgres.core.errors import FAILURES

CONNECT_SECONDS = 0.9

# As the server sees it: behind a pooler, what counts is the way from the pooler to the server.
_CONNECTION = """
    SELECT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS is_superuser,
        coalesce(inet_client_addr() <> inet_server_addr(), false) AS is_remote,
        (SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()) AS is_encrypted,
        pg_backend_pid() AS pid,
        least(
            current_setting('max_connections')::int
                - current_setting('superuser_reserved_connections')::int
                - coalesce(current_setting('reserved_connections', true)::int, 0),
            (SELECT nullif(datconnlimit, -1) FROM pg_database WHERE datname = current_database()),
            (SELECT nullif(rolconnlimit, -1) FROM pg_roles WHERE rolname = current_user)
        ) AS connections
"""


@dataclass(frozen=True, slots=True)
class Way:
    """A sentence for each risk, and how many connections the role may have in all; None where a pooler shares them out."""

    risks: tuple[str, ...] = ()
    connections: int | None = None


async def way_to(url: str) -> Way:
    """What is known of the way to the database; nothing while it does not answer."""
    try:
        connection = await asyncpg.connect(url, timeout=CONNECT_SECONDS, statement_cache_size=0)
        try:
            async with connection.transaction():  # on one server, behind a pooler too
                [seen] = await connection.fetch(_CONNECTION, timeout=CONNECT_SECONDS)
            is_pooled = seen["pid"] != connection.get_server_pid()
        finally:
            connection.terminate()
    except FAILURES:
        return Way()
    risks = []
    if seen["is_superuser"]:
        risks.append(
            "The service connects to the database as a superuser; give it a role of its own"
        )
    if seen["is_remote"] and not seen["is_encrypted"]:
        risks.append("The connection to the database is not encrypted; use sslmode=verify-full")
    return Way(tuple(risks), None if is_pooled else seen["connections"])

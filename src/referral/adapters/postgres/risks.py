"""What is worth a warning about how the service reaches a database that is not its own."""

import asyncpg

from referral.adapters.postgres.errors import FAILURES

CONNECT_SECONDS = 0.9

# As the server sees it: behind a pooler, what counts is the way from the pooler to the server.
_CONNECTION = """
    SELECT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS is_superuser,
        coalesce(inet_client_addr() <> inet_server_addr(), false) AS is_remote,
        (SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()) AS is_encrypted
"""


async def risks_of(url: str) -> list[str]:
    """A sentence for each risk; none while the database does not answer."""
    try:
        connection = await asyncpg.connect(url, timeout=CONNECT_SECONDS, statement_cache_size=0)
        try:
            async with connection.transaction():  # on one server, behind a pooler too
                [seen] = await connection.fetch(_CONNECTION, timeout=CONNECT_SECONDS)
        finally:
            connection.terminate()
    except FAILURES:
        return []
    risks = []
    if seen["is_superuser"]:
        risks.append(
            "The service connects to the database as a superuser; give it a role of its own"
        )
    if seen["is_remote"] and not seen["is_encrypted"]:
        risks.append("The connection to the database is not encrypted; use sslmode=verify-full")
    return risks

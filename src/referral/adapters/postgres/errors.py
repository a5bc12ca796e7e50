"""Which of the database's errors mean that it cannot serve now: by their class, never by the message."""

import asyncpg

from referral.domain.errors import DatabaseUnavailable

# SQLSTATE classes (PostgreSQL, appendix A) that say something about the server and not about the statement:
# connection, transaction state (read-only standby), authorization, catalog name, rollback, syntax or access
# (not migrated yet, or no permission), resources, prerequisite state (lock timeout), operator, system, internal.
_SERVER_SIDE = {"08", "25", "28", "3D", "40", "42", "53", "55", "57", "58", "XX"}

UNREACHABLE = (OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.InternalClientError)


def translated(error: Exception) -> Exception:
    """The domain error that this error of asyncpg's stands for, or itself when it is a defect of ours."""
    server_side = (
        isinstance(error, asyncpg.PostgresError) and (error.sqlstate or "XX")[:2] in _SERVER_SIDE
    )
    return DatabaseUnavailable() if server_side or isinstance(error, UNREACHABLE) else error

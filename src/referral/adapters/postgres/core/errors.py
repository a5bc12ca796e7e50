"""Which of the database's errors mean that it cannot serve now: by their class, never by the message."""

import asyncpg

from referral.domain.errors import DatabaseUnavailable, OutcomeUnknown

# SQLSTATE classes (PostgreSQL, appendix A) that say something about the server and not about the statement:
# connection, transaction state (read-only standby), prepared statement (a pooler), authorization, catalog name,
# rollback, syntax or access (not migrated yet, or no permission), resources, prerequisite state (lock timeout),
# operator, system, internal.
_SERVER_SIDE = {"08", "25", "26", "28", "3D", "40", "42", "53", "55", "57", "58", "XX"}

UNREACHABLE = (OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.InternalClientError)
FAILURES = (*UNREACHABLE, asyncpg.PostgresError)

# The connection is to a server that cannot be written to.
READ_ONLY = asyncpg.ReadOnlySQLTransactionError
# A prepared statement is on another connection of a pooler's than the one that was given this time.
MISPLACED = (asyncpg.InvalidSQLStatementNameError, asyncpg.DuplicatePreparedStatementError)
# It was in the way of others, or they in its.
ROLLED_BACK = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
# Nothing was done, and what was asked for may be done when it is asked for again, on another connection.
UNDONE = (*ROLLED_BACK, READ_ONLY, *MISPLACED)

_LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.InternalClientError,
    OSError,
)


def is_lost(error: BaseException | None) -> bool:
    """Whether it says that no answer came, so that what was asked for may have been done."""
    return isinstance(error, _LOST)


def translated(
    error: Exception, *, writing: bool = False
) -> DatabaseUnavailable | OutcomeUnknown | None:
    """The domain error that this error of asyncpg's stands for; None when it is a defect of ours.

    `writing` says that a write had been sent, which may have been done if no answer came.
    """
    if writing and is_lost(error):
        return OutcomeUnknown()
    server_side = (
        isinstance(error, asyncpg.PostgresError) and (error.sqlstate or "XX")[:2] in _SERVER_SIDE
    )
    if server_side or isinstance(error, UNREACHABLE):
        return DatabaseUnavailable(was_undone=isinstance(error, UNDONE))
    return None

"""What the database refuses, in the domain's words: by the constraint's name, never by the message."""

import asyncpg

from referral.domain.errors import DatabaseUnavailable, ReferralError, UserNotFound

# Only what no caller can provoke: PostgreSQL logs each of these with the values (ADR 15).
BY_CONSTRAINT: dict[str, type[ReferralError]] = {"fk_refresh_tokens_user": UserNotFound}

# SQLSTATE classes (PostgreSQL, appendix A) that say something about the server and not about the statement:
# connection, transaction state (read-only standby), authorization, catalog name, rollback, syntax or access
# (not migrated yet, or no permission), resources, prerequisite state (lock timeout), operator, system, internal.
_SERVER_SIDE = {"08", "25", "28", "3D", "40", "42", "53", "55", "57", "58", "XX"}

UNREACHABLE = (OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.InternalClientError)


def translated(error: Exception) -> Exception:
    """The domain error that this error of asyncpg's stands for, or itself when it is a defect of ours."""
    if isinstance(error, asyncpg.PostgresError):
        refused = BY_CONSTRAINT.get(getattr(error, "constraint_name", None) or "")
        if refused is not None:
            return refused()
        if (error.sqlstate or "XX")[:2] in _SERVER_SIDE:
            return DatabaseUnavailable()
    if isinstance(error, UNREACHABLE):
        return DatabaseUnavailable()
    return error

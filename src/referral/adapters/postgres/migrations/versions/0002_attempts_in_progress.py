"""Attempts in progress"""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    # Neither reads nor writes a row, so it is as quick on a big table; what is served meanwhile waits for the
    # lock no longer than it waits for any other.
    op.execute("SET LOCAL lock_timeout = '1s'")
    op.execute("""
        ALTER TABLE rate_limits
            ADD COLUMN in_progress integer NOT NULL DEFAULT 0,
            ADD COLUMN in_progress_until timestamptz
    """)

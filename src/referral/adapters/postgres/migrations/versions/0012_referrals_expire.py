"""Referrals expire: until when each can qualify, and an index of those that still may"""

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    # What comes after it is outside this transaction; where that was cut off, the column is there already.
    op.execute("ALTER TABLE referrals ADD COLUMN IF NOT EXISTS qualifies_until timestamptz")
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS ix_referrals_overdue")
        op.execute("""
            CREATE INDEX CONCURRENTLY ix_referrals_overdue ON referrals (program_id, qualifies_until)
            WHERE status = 'signed_up' AND qualifies_until IS NOT NULL
        """)

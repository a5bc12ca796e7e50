"""Referrals that are held are listed: an index, while others read and write"""

from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    with op.get_context().autocommit_block():
        # There may be a broken one, of an attempt that was cut off.
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS ix_referrals_held")
        op.execute("""
            CREATE INDEX CONCURRENTLY ix_referrals_held ON referrals (created_at, referee_id)
                WHERE held_reasons <> '{}'
        """)

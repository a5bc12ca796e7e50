"""Referrals are listed by program, referrer and status: indexes, while others read and write"""

from alembic import op

revision = "0010"
down_revision = "0009"

_INDEXES = {
    "ix_referrals_newest": "program_id, status, created_at, referee_id",
    "ix_referrals_newest_of_referrer": "referrer_id, program_id, status, created_at, referee_id",
}


def upgrade() -> None:
    with op.get_context().autocommit_block():
        for name, columns in _INDEXES.items():
            # There may be a broken one, of an attempt that was cut off.
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(f"CREATE INDEX CONCURRENTLY {name} ON referrals ({columns})")

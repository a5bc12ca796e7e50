"""Participants without a password: what takes long, while others read and write"""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.execute("ALTER TABLE users VALIDATE CONSTRAINT ck_users_registered_or_enrolled_or_erased")
    op.execute("ALTER TABLE users VALIDATE CONSTRAINT ck_users_keys")
    with op.get_context().autocommit_block():
        # There may be a broken one, of an attempt that was cut off.
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS uq_users_external_id")
        op.execute("""
            CREATE UNIQUE INDEX CONCURRENTLY uq_users_external_id ON users (external_id)
            WHERE external_id IS NOT NULL
        """)

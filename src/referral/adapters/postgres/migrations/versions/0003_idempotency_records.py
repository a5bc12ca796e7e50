"""Idempotency records"""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE idempotency_records (
            call_id bytea CONSTRAINT idempotency_records_pkey PRIMARY KEY,
            holder uuid NOT NULL,
            request bytea NOT NULL,
            answer bytea,
            expires_at timestamptz NOT NULL
        )
    """)
    op.execute("CREATE INDEX ix_idempotency_records_expires_at ON idempotency_records (expires_at)")

"""What became of the attempts to send a message, and who sends to an endpoint"""

from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    op.execute("""
        ALTER TABLE webhook_endpoints
            ADD COLUMN failures integer NOT NULL DEFAULT 0,
            ADD COLUMN failing_since timestamptz,
            ADD COLUMN lane uuid,
            ADD COLUMN lane_until timestamptz
    """)
    op.execute("ALTER TABLE webhook_deliveries ADD COLUMN last_status integer")

"""How long a webhook endpoint is left alone, apart from who sends to it"""

from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    op.execute("ALTER TABLE webhook_endpoints ADD COLUMN paused_until timestamptz")
    # The version before keeps both in one: nobody sends for longer than a minute.
    op.execute("""
        UPDATE webhook_endpoints
        SET paused_until = lane_until, lane_until = least(lane_until, now() + interval '1 minute')
        WHERE failing_since IS NOT NULL
    """)

"""The outbox: messages to webhook endpoints"""

from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE webhook_deliveries (
            endpoint_id uuid NOT NULL,
            message_id uuid NOT NULL,
            number bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
            type text NOT NULL,
            body text NOT NULL,
            created_at timestamptz NOT NULL,
            status text NOT NULL DEFAULT 'pending',
            attempts integer NOT NULL DEFAULT 0,
            next_attempt_at timestamptz,
            last_attempt_at timestamptz,
            last_answer text,
            expires_at timestamptz,
            CONSTRAINT webhook_deliveries_pkey PRIMARY KEY (endpoint_id, message_id),
            CONSTRAINT ck_webhook_deliveries_status
                CHECK (status IN ('pending', 'delivered', 'failed')),
            CONSTRAINT ck_webhook_deliveries_pending
                CHECK ((status = 'pending') = (next_attempt_at IS NOT NULL)
                    AND (status = 'pending') = (expires_at IS NULL))
        )
    """)
    for name, columns in {
        "due": "(endpoint_id, next_attempt_at, number) WHERE status = 'pending'",
        "status": "(endpoint_id, status, message_id)",
        "expires_at": "(expires_at) WHERE expires_at IS NOT NULL",
    }.items():
        op.execute(f"CREATE INDEX ix_webhook_deliveries_{name} ON webhook_deliveries {columns}")

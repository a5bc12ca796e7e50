"""Webhook endpoints"""

from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE webhook_endpoints (
            id uuid CONSTRAINT webhook_endpoints_pkey PRIMARY KEY,
            url text NOT NULL,
            events text[] NOT NULL,
            description text,
            secret bytea NOT NULL,
            former_secret bytea,
            former_until timestamptz,
            created_at timestamptz NOT NULL,
            disabled_at timestamptz,
            disabled_because text,
            deleted_at timestamptz,
            CONSTRAINT ck_webhook_endpoints_disabled
                CHECK ((disabled_at IS NULL) = (disabled_because IS NULL)),
            CONSTRAINT ck_webhook_endpoints_former
                CHECK ((former_secret IS NULL) = (former_until IS NULL))
        )
    """)
    op.execute(
        "CREATE INDEX ix_webhook_endpoints_not_deleted ON webhook_endpoints (id) WHERE deleted_at IS NULL"
    )

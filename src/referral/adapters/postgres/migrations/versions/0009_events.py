"""Events"""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    op.execute("""
        CREATE TABLE events (
            source text NOT NULL,
            id text NOT NULL,
            participant_id uuid NOT NULL CONSTRAINT fk_events_participant REFERENCES users,
            type text NOT NULL,
            amount bigint,
            unit text,
            refund_of text,
            occurred_at timestamptz NOT NULL,
            recorded_at timestamptz NOT NULL,
            metadata jsonb NOT NULL,
            digest bytea NOT NULL,
            status text,
            decisions jsonb NOT NULL,
            CONSTRAINT events_pkey PRIMARY KEY (source, id),
            CONSTRAINT fk_events_refund_of FOREIGN KEY (source, refund_of) REFERENCES events,
            CONSTRAINT ck_events_amount_has_unit CHECK ((amount IS NULL) = (unit IS NULL)),
            CONSTRAINT ck_events_amount CHECK (amount >= 0)
        )
    """)
    op.execute("CREATE INDEX ix_events_participant ON events (participant_id)")

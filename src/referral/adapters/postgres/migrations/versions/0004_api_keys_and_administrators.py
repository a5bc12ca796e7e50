"""API keys and administrators"""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    # For the reference, writes of users wait; it has no row to check, and waits for the lock no longer than this.
    op.execute("SET LOCAL lock_timeout = '1s'")
    op.execute("""
        CREATE TABLE api_keys (
            id uuid CONSTRAINT api_keys_pkey PRIMARY KEY,
            name text NOT NULL,
            digest bytea NOT NULL CONSTRAINT uq_api_keys_digest UNIQUE,
            scopes text[] NOT NULL,
            created_at timestamptz NOT NULL,
            expires_at timestamptz,
            revoked_at timestamptz,
            last_used_at timestamptz
        )
    """)
    op.execute("CREATE INDEX ix_api_keys_not_revoked ON api_keys (id) WHERE revoked_at IS NULL")
    op.execute("""
        CREATE TABLE administrators (
            user_id uuid CONSTRAINT administrators_pkey PRIMARY KEY
                CONSTRAINT fk_administrators_user REFERENCES users,
            granted_at timestamptz NOT NULL
        )
    """)

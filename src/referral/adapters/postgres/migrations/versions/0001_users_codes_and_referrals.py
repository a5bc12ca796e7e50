"""Users, codes and referrals"""

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")
    op.execute("""
        CREATE TABLE users (
            id uuid CONSTRAINT users_pkey PRIMARY KEY,
            username text,
            username_key text CONSTRAINT uq_users_username UNIQUE,
            email text,
            email_key text CONSTRAINT uq_users_email UNIQUE,
            password_hash text,
            credentials_version integer NOT NULL,
            credentials_changed_at timestamptz,
            referrals_count bigint NOT NULL DEFAULT 0,
            created_at timestamptz NOT NULL,
            erased_at timestamptz,
            CONSTRAINT ck_users_whole_or_erased CHECK (
                num_nulls(username, username_key, email, email_key, password_hash)
                = CASE WHEN erased_at IS NULL THEN 0 ELSE 5 END
            )
        )
    """)
    op.execute("""
        CREATE INDEX ix_users_credentials_changed_at ON users (credentials_changed_at)
        WHERE credentials_changed_at IS NOT NULL
    """)
    op.execute("""
        CREATE TABLE referral_codes (
            id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT referral_codes_pkey PRIMARY KEY,
            owner_id uuid NOT NULL CONSTRAINT fk_referral_codes_owner REFERENCES users,
            text text NOT NULL CONSTRAINT uq_referral_codes_text UNIQUE,
            issued_at timestamptz NOT NULL,
            expires_at timestamptz NOT NULL,
            retired_at timestamptz,
            CONSTRAINT ck_referral_codes_expires_later CHECK (issued_at < expires_at),
            CONSTRAINT ck_referral_codes_retired_later CHECK (issued_at <= retired_at),
            CONSTRAINT ex_referral_codes_one_active EXCLUDE USING gist (
                owner_id WITH =,
                tstzrange(issued_at, least(retired_at, expires_at)) WITH &&
            )
        )
    """)
    op.execute("""
        CREATE INDEX ix_referral_codes_listed ON referral_codes (owner_id, id)
        WHERE retired_at IS NULL
    """)
    op.execute("""
        CREATE TABLE referrals (
            referrer_id uuid NOT NULL CONSTRAINT fk_referrals_referrer REFERENCES users,
            number bigint NOT NULL,
            referee_id uuid NOT NULL
                CONSTRAINT fk_referrals_referee REFERENCES users
                CONSTRAINT uq_referrals_referee UNIQUE,
            code_id bigint NOT NULL CONSTRAINT fk_referrals_code REFERENCES referral_codes,
            created_at timestamptz NOT NULL,
            CONSTRAINT referrals_pkey PRIMARY KEY (referrer_id, number),
            CONSTRAINT ck_referrals_not_oneself CHECK (referrer_id <> referee_id)
        )
    """)
    op.execute("""
        CREATE TABLE refresh_tokens (
            digest bytea CONSTRAINT refresh_tokens_pkey PRIMARY KEY,
            family_id uuid NOT NULL,
            user_id uuid NOT NULL CONSTRAINT fk_refresh_tokens_user REFERENCES users,
            credentials_version integer NOT NULL,
            expires_at timestamptz NOT NULL,
            spent_at timestamptz
        )
    """)
    op.execute("CREATE INDEX ix_refresh_tokens_family ON refresh_tokens (family_id)")
    op.execute("CREATE INDEX ix_refresh_tokens_user ON refresh_tokens (user_id)")
    op.execute("CREATE INDEX ix_refresh_tokens_expires_at ON refresh_tokens (expires_at)")
    op.execute("""
        CREATE UNLOGGED TABLE rate_limits (
            bucket bytea CONSTRAINT rate_limits_pkey PRIMARY KEY,
            hits integer NOT NULL,
            resets_at timestamptz NOT NULL
        )
    """)
    op.execute("CREATE INDEX ix_rate_limits_resets_at ON rate_limits (resets_at)")

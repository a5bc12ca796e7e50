"""Programs and terms"""

import json

from alembic import op
from sqlalchemy import text

revision = "0007"
down_revision = "0006"

# Terms say everything, so that no later version of the service reads anything else into them.
_DEFAULT_TERMS = {
    "code": {"max_uses": None, "max_lifetime_days": None, "own_text": True, "reserved": []},
    "qualification": {
        "event": "signed_up",
        "count": 1,
        "min_amount": None,
        "unit": None,
        "within_days": None,
    },
    "rewards": [],
    "hold_days": 0,
    "caps": {"referrer": None, "budget": []},
    "review": {
        "same_person": "allow",
        "disposable_email": "allow",
        "same_network": None,
        "velocity": None,
    },
    "attach_within_days": 7,
}
_ADD_DEFAULT_TERMS = text(
    "INSERT INTO program_terms SELECT id, 1, CAST(:terms AS jsonb), created_at FROM programs"
).bindparams(terms=json.dumps(_DEFAULT_TERMS))


def upgrade() -> None:
    # No row of a big table is read or written, so each lock is short; who waits for it lets others pass after a second.
    op.execute("SET LOCAL lock_timeout = '1s'")
    op.execute("""
        CREATE TABLE programs (
            id integer GENERATED ALWAYS AS IDENTITY CONSTRAINT programs_pkey PRIMARY KEY,
            slug text NOT NULL CONSTRAINT uq_programs_slug UNIQUE,
            name text NOT NULL,
            status text NOT NULL CONSTRAINT ck_programs_status
                CHECK (status IN ('draft', 'active', 'paused', 'ended')),
            starts_at timestamptz,
            ends_at timestamptz,
            landing_url text,
            terms_version integer NOT NULL,
            revision uuid NOT NULL DEFAULT gen_random_uuid(),
            created_at timestamptz NOT NULL,
            CONSTRAINT ck_programs_ends_later CHECK (starts_at < ends_at)
        )
    """)
    op.execute("""
        CREATE TABLE program_terms (
            program_id integer NOT NULL CONSTRAINT fk_program_terms_program REFERENCES programs,
            version integer NOT NULL,
            terms jsonb NOT NULL,
            created_at timestamptz NOT NULL,
            CONSTRAINT program_terms_pkey PRIMARY KEY (program_id, version)
        )
    """)
    op.execute("""
        INSERT INTO programs (slug, name, status, terms_version, created_at)
        VALUES ('default', 'Default', 'active', 1, now())
    """)
    op.get_bind().execute(_ADD_DEFAULT_TERMS)
    op.execute("""
        CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION '% of % is refused', TG_OP, TG_TABLE_NAME USING ERRCODE = '23001';
        END $$
    """)
    op.execute("""
        CREATE TRIGGER terms_never_change BEFORE UPDATE OR DELETE ON program_terms
        FOR EACH ROW EXECUTE FUNCTION refuse_change()
    """)
    op.execute("""
        CREATE TRIGGER programs_stay BEFORE DELETE ON programs
        FOR EACH ROW EXECUTE FUNCTION refuse_change()
    """)
    # In the order that the service's transactions take them, which begin with a user and who brought them.
    op.execute("LOCK TABLE referrals, referral_codes")
    op.execute("""
        ALTER TABLE referral_codes
            ADD COLUMN program_id integer NOT NULL DEFAULT 1,
            ADD COLUMN max_uses integer,
            ADD COLUMN uses integer NOT NULL DEFAULT 0,
            ADD CONSTRAINT ck_referral_codes_uses CHECK (uses <= max_uses) NOT VALID
    """)
    op.execute("""
        ALTER TABLE referrals
            ADD COLUMN program_id integer NOT NULL DEFAULT 1,
            ADD COLUMN terms_version integer NOT NULL DEFAULT 1,
            ADD COLUMN status text NOT NULL DEFAULT 'qualified',
            ADD COLUMN qualified_at timestamptz,
            ADD COLUMN held_reasons text[] NOT NULL DEFAULT '{}',
            ADD CONSTRAINT ck_referrals_status
                CHECK (status IN ('signed_up', 'qualified', 'rejected', 'expired')) NOT VALID
    """)
    # The version before does not count uses, so the database does it for both.
    op.execute("""
        CREATE FUNCTION count_use() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            UPDATE referral_codes SET uses = uses + 1 WHERE id = NEW.code_id;
            RETURN NULL;
        END $$
    """)
    op.execute("""
        CREATE TRIGGER uses_are_counted AFTER INSERT ON referrals
        FOR EACH ROW EXECUTE FUNCTION count_use()
    """)

"""One active code of a program, and how often each code was used

Takes as long as the tables are big, in steps that nobody has to wait for. Each can be repeated, so an interrupted
migration goes on where it is run again.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

OWNERS_AT_A_TIME = 100

_INDEX = """
    CREATE INDEX CONCURRENTLY ix_referral_codes_ends
    ON referral_codes (owner_id, program_id, least(retired_at, expires_at))
"""
_HAS_CODE_BESIDE = """
    CREATE OR REPLACE FUNCTION has_code_beside(
        owner uuid, program integer, code bigint, starts timestamptz, ends timestamptz
    ) RETURNS boolean LANGUAGE plpgsql AS $$
    BEGIN
        RETURN starts < ends AND EXISTS (
            SELECT FROM referral_codes AS other
            WHERE other.owner_id = owner AND other.program_id = program AND other.id <> code
                AND other.issued_at < ends AND starts < least(other.retired_at, other.expires_at)
                AND other.issued_at < least(other.retired_at, other.expires_at)
        );
    END $$
"""
# Who has the owner's lock sees what was stored by those who had it before: a statement in a function looks at what is
# there when it begins (READ COMMITTED).
_ENSURE_ONE_ACTIVE = """
    CREATE OR REPLACE FUNCTION ensure_one_active_code() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM FROM users WHERE id = NEW.owner_id FOR NO KEY UPDATE;
        IF has_code_beside(
            NEW.owner_id, NEW.program_id, NEW.id, NEW.issued_at, least(NEW.retired_at, NEW.expires_at)
        ) THEN
            RAISE EXCEPTION 'there is an active code of this owner and program'
                USING ERRCODE = '23P01', CONSTRAINT = TG_NAME, TABLE = TG_TABLE_NAME;
        END IF;
        RETURN NEW;
    END $$
"""
_NEW_CODES = """
    CREATE OR REPLACE TRIGGER ex_referral_codes_one_active BEFORE INSERT ON referral_codes
    FOR EACH ROW EXECUTE FUNCTION ensure_one_active_code()
"""
# To withdraw a code, which ends it earlier, asks nothing.
_CHANGED_CODES = """
    CREATE OR REPLACE TRIGGER ex_referral_codes_one_active_still BEFORE UPDATE ON referral_codes
    FOR EACH ROW WHEN (
        (NEW.owner_id, NEW.program_id) IS DISTINCT FROM (OLD.owner_id, OLD.program_id)
        OR NEW.issued_at < OLD.issued_at
        OR least(NEW.retired_at, NEW.expires_at) > least(OLD.retired_at, OLD.expires_at)
    ) EXECUTE FUNCTION ensure_one_active_code()
"""


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS ix_referral_codes_ends")  # a broken one
        op.execute(_INDEX)
        op.execute("ALTER TABLE referral_codes VALIDATE CONSTRAINT ck_referral_codes_uses")
        op.execute("ALTER TABLE referrals VALIDATE CONSTRAINT ck_referrals_status")
        _count_uses()
    op.execute("SET LOCAL lock_timeout = '1s'")
    op.execute(
        "LOCK TABLE referral_codes"
    )  # whole at once: who has half of it waits for those who have the other
    for statement in (_HAS_CODE_BESIDE, _ENSURE_ONE_ACTIVE, _NEW_CODES, _CHANGED_CODES):
        op.execute(statement)
    op.execute("ALTER TABLE referral_codes DROP CONSTRAINT ex_referral_codes_one_active")


def _count_uses() -> None:
    """Set what each code of a referrer was used by now; nobody signs up with it in that moment, whom its owner's lock stops."""
    connection = op.get_bind()
    last = "00000000-0000-0000-0000-000000000000"
    owners = sa.text("""
        SELECT id FROM users WHERE id > :last AND referrals_count > 0 ORDER BY id LIMIT :size
    """)
    lock = sa.text("SELECT FROM users WHERE id = ANY (:owners) ORDER BY id FOR NO KEY UPDATE")
    count = sa.text("""
        UPDATE referral_codes SET uses = counted.uses FROM (
            SELECT code_id, count(*) AS uses FROM referrals WHERE referrer_id = ANY (:owners) GROUP BY code_id
        ) AS counted
        WHERE id = counted.code_id
    """)
    while batch := connection.scalars(owners, {"last": last, "size": OWNERS_AT_A_TIME}).all():
        connection.exec_driver_sql("BEGIN")
        connection.execute(lock, {"owners": batch})
        connection.execute(count, {"owners": batch})
        connection.exec_driver_sql("COMMIT")
        last = batch[-1]

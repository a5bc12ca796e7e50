"""What someone has in one unit stays a number that everybody can read"""

from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    # It may be there, of an attempt that was cut off.
    op.execute("""
        ALTER TABLE balances
            DROP CONSTRAINT IF EXISTS ck_balances_most,
            ADD CONSTRAINT ck_balances_most
                CHECK (pending::numeric + available + paid <= 9007199254740991) NOT VALID
    """)
    with op.get_context().autocommit_block():
        # Others read and write meanwhile.
        op.execute("ALTER TABLE balances VALIDATE CONSTRAINT ck_balances_most")

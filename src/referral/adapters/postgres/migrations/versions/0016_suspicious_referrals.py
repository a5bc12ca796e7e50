"""Whether a sign-up has to know the terms, which may reward it or find it suspicious"""

from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    op.execute("ALTER TABLE programs ADD COLUMN judges_sign_ups boolean NOT NULL DEFAULT false")
    op.execute("""
        UPDATE programs SET judges_sign_ups = rewards_sign_ups
            OR coalesce(terms -> 'review' <> '{"same_person": "allow", "disposable_email": "allow",
                "same_network": null, "velocity": null}', false)
        FROM program_terms
        WHERE program_id = programs.id AND version = programs.terms_version
    """)
    op.execute("ALTER TABLE programs DROP COLUMN rewards_sign_ups")

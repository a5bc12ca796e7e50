"""At which networks people were seen, where terms ask for it; and reviews that were decided are listed"""

from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    with op.get_context().autocommit_block():
        # There may be a broken one, of an attempt that was cut off.
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS ix_decisions_reviews")
        op.execute("""
            CREATE INDEX CONCURRENTLY ix_decisions_reviews ON decisions (outcome, number)
                WHERE rule = 'review' AND reason = 'by-hand'
        """)
    op.execute("SET LOCAL lock_timeout = '1s'")
    op.execute("""
        CREATE TABLE network_sightings (
            person_id uuid NOT NULL CONSTRAINT fk_network_sightings_person REFERENCES users,
            network bytea NOT NULL,
            referrer_id uuid,
            seen_at timestamptz NOT NULL,
            PRIMARY KEY (person_id, network)
        )
    """)
    op.execute("""
        CREATE INDEX ix_network_sightings_referrer ON network_sightings (referrer_id, network)
            WHERE referrer_id IS NOT NULL
    """)
    op.execute("CREATE INDEX ix_network_sightings_seen_at ON network_sightings (seen_at)")
    op.execute("ALTER TABLE programs ADD COLUMN judges_networks boolean NOT NULL DEFAULT false")
    op.execute("""
        UPDATE programs SET judges_networks = true
        FROM program_terms
        WHERE program_id = programs.id AND version = programs.terms_version
            AND terms #> '{review,same_network}' <> 'null'
    """)

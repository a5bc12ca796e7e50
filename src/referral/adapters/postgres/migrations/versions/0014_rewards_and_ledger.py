"""Rewards, their ledger, payouts and decisions"""

from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    _number_events()
    _tell_of_programs()
    op.execute("""
        CREATE TABLE payouts (
            id uuid CONSTRAINT payouts_pkey PRIMARY KEY,
            reference text NOT NULL CONSTRAINT uq_payouts_reference UNIQUE,
            unit text NOT NULL,
            amount bigint NOT NULL CONSTRAINT ck_payouts_amount CHECK (amount > 0),
            rewards integer NOT NULL,
            asked bytea NOT NULL,
            created_at timestamptz NOT NULL
        )
    """)
    op.execute("""
        CREATE TABLE rewards (
            id uuid CONSTRAINT rewards_pkey PRIMARY KEY,
            referral_id uuid NOT NULL CONSTRAINT fk_rewards_referral REFERENCES referrals (referee_id),
            program_id integer NOT NULL,
            terms_version integer NOT NULL,
            rule text NOT NULL,
            side text NOT NULL CONSTRAINT ck_rewards_side CHECK (side IN ('referrer', 'referee')),
            beneficiary_id uuid NOT NULL,
            amount bigint NOT NULL CONSTRAINT ck_rewards_amount CHECK (amount <> 0),
            unit text NOT NULL,
            status text NOT NULL CONSTRAINT ck_rewards_status CHECK (
                status IN ('pending', 'held', 'approved', 'paid', 'rejected', 'reversed')
            ),
            created_at timestamptz NOT NULL, due_at timestamptz NOT NULL,
            cause bigint CONSTRAINT fk_rewards_cause REFERENCES events (number),
            shared bigint, milestone integer,
            recovers uuid CONSTRAINT fk_rewards_recovers REFERENCES rewards,
            budgeted boolean NOT NULL,
            payout_id uuid CONSTRAINT fk_rewards_payout REFERENCES payouts,
            CONSTRAINT ck_rewards_negative_recovers CHECK ((amount < 0) = (recovers IS NOT NULL)),
            CONSTRAINT ck_rewards_paid_by CHECK ((status = 'paid') = (payout_id IS NOT NULL))
        )
    """)
    op.execute("""
        CREATE UNIQUE INDEX uq_rewards_event ON rewards
            (cause, rule, beneficiary_id, coalesce(shared, 0))
            WHERE cause IS NOT NULL AND recovers IS NULL
    """)
    op.execute("""
        CREATE UNIQUE INDEX uq_rewards_sign_up ON rewards (referral_id, rule, beneficiary_id)
            WHERE cause IS NULL AND recovers IS NULL
    """)
    op.execute("""
        CREATE UNIQUE INDEX uq_rewards_recovery ON rewards (recovers, cause)
            WHERE recovers IS NOT NULL
    """)
    op.execute("CREATE INDEX ix_rewards_referral ON rewards (referral_id)")
    op.execute("CREATE INDEX ix_rewards_newest ON rewards (program_id, status, id)")
    op.execute("""
        CREATE INDEX ix_rewards_newest_of_beneficiary ON rewards
            (beneficiary_id, program_id, status, id)
    """)
    op.execute("CREATE INDEX ix_rewards_due ON rewards (due_at) WHERE status = 'pending'")
    op.execute("CREATE INDEX ix_rewards_payout ON rewards (payout_id) WHERE payout_id IS NOT NULL")
    op.execute("""
        CREATE INDEX ix_rewards_milestones ON rewards (beneficiary_id, program_id)
            WHERE milestone IS NOT NULL
    """)
    op.execute("""
        CREATE INDEX ix_rewards_of_referrer ON rewards (beneficiary_id, program_id, created_at)
            WHERE side = 'referrer' AND recovers IS NULL
    """)
    _create_ledger()
    op.execute("""
        CREATE TABLE balances (
            beneficiary_id uuid,
            unit text,
            pending bigint NOT NULL CONSTRAINT ck_balances_pending CHECK (pending >= 0),
            available bigint NOT NULL CONSTRAINT ck_balances_available CHECK (available >= 0),
            paid bigint NOT NULL CONSTRAINT ck_balances_paid CHECK (paid >= 0),
            recoverable bigint NOT NULL
                CONSTRAINT ck_balances_recoverable CHECK (recoverable <= 0),
            CONSTRAINT balances_pkey PRIMARY KEY (beneficiary_id, unit)
        )
    """)
    op.execute("""
        CREATE TABLE budgets (
            program_id integer,
            unit text,
            spent bigint NOT NULL CONSTRAINT ck_budgets_spent CHECK (spent >= 0),
            CONSTRAINT budgets_pkey PRIMARY KEY (program_id, unit)
        )
    """)
    _create_decisions()


def _number_events() -> None:
    # No version that was released writes events yet, so that nobody waits for the table to be written again.
    op.execute("""
        ALTER TABLE events ADD COLUMN number bigint GENERATED ALWAYS AS IDENTITY
            CONSTRAINT uq_events_number UNIQUE
    """)


def _tell_of_programs() -> None:
    # What a sign-up asks of the terms in force, so that it need not read them.
    op.execute("""
        ALTER TABLE programs
            ADD COLUMN qualifies_at_sign_up boolean NOT NULL DEFAULT true,
            ADD COLUMN rewards_sign_ups boolean NOT NULL DEFAULT false,
            ADD COLUMN attach_within_days integer NOT NULL DEFAULT 7,
            ADD COLUMN qualifies_within_days integer
    """)
    op.execute("""
        UPDATE programs SET
            qualifies_at_sign_up = terms #>> '{qualification,event}' = 'signed_up',
            rewards_sign_ups = terms #>> '{qualification,event}' = 'signed_up'
                AND terms -> 'rewards' <> '[]',
            attach_within_days = CAST(terms ->> 'attach_within_days' AS integer),
            qualifies_within_days = CAST(terms #>> '{qualification,within_days}' AS integer)
        FROM program_terms
        WHERE program_id = programs.id AND version = programs.terms_version
    """)


def _create_ledger() -> None:
    op.execute("""
        CREATE TABLE ledger_entries (
            number bigint GENERATED ALWAYS AS IDENTITY
                CONSTRAINT ledger_entries_pkey PRIMARY KEY,
            at timestamptz NOT NULL,
            reward_id uuid NOT NULL CONSTRAINT fk_ledger_entries_reward REFERENCES rewards,
            account text NOT NULL CONSTRAINT ck_ledger_entries_account CHECK (
                account IN ('budget', 'pending', 'available', 'paid', 'recoverable')
            ),
            amount bigint NOT NULL CONSTRAINT ck_ledger_entries_amount CHECK (amount <> 0),
            unit text NOT NULL,
            cause text NOT NULL
        )
    """)
    op.execute("CREATE INDEX ix_ledger_entries_reward ON ledger_entries (reward_id)")
    op.execute("""
        CREATE FUNCTION refuse_unbalanced() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF EXISTS (
                SELECT FROM added GROUP BY reward_id, unit HAVING sum(amount) <> 0
            ) THEN
                RAISE EXCEPTION 'entries of a reward that do not come to nothing are refused'
                    USING ERRCODE = '23514', CONSTRAINT = 'ck_ledger_entries_balanced';
            END IF;
            RETURN NULL;
        END $$
    """)
    op.execute("""
        CREATE TRIGGER entries_are_balanced AFTER INSERT ON ledger_entries
        REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION refuse_unbalanced()
    """)
    _never_changes("ledger_entries", "entries_never_change")


def _create_decisions() -> None:
    op.execute("""
        CREATE TABLE decisions (
            number bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT decisions_pkey PRIMARY KEY,
            at timestamptz NOT NULL,
            referral_id uuid NOT NULL
                CONSTRAINT fk_decisions_referral REFERENCES referrals (referee_id),
            terms_version integer NOT NULL,
            event bigint CONSTRAINT fk_decisions_event REFERENCES events (number),
            rule text NOT NULL,
            outcome text NOT NULL,
            reason text NOT NULL,
            inputs jsonb NOT NULL,
            reward_id uuid
        )
    """)
    op.execute("CREATE INDEX ix_decisions_referral ON decisions (referral_id, number)")
    op.execute("CREATE INDEX ix_decisions_event ON decisions (event) WHERE event IS NOT NULL")
    op.execute("""
        INSERT INTO decisions (at, referral_id, terms_version, event, rule, outcome, reason, inputs)
        SELECT events.recorded_at, referrals.referee_id, referrals.terms_version, events.number,
               decision ->> 0, decision ->> 1, decision ->> 2,
               jsonb_build_object('event', events.id, 'type', events.type)
        FROM events
        JOIN referrals ON referrals.referee_id = events.participant_id,
             jsonb_array_elements(events.decisions) AS decision
    """)
    op.execute("ALTER TABLE events DROP COLUMN decisions, DROP COLUMN status")
    _never_changes("decisions", "decisions_never_change")


def _never_changes(table: str, trigger: str) -> None:
    op.execute(f"""
        CREATE TRIGGER {trigger} BEFORE UPDATE OR DELETE ON {table}
        FOR EACH ROW EXECUTE FUNCTION refuse_change()
    """)

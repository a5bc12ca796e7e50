"""A program that rewards, and its people, who come after all others; made by the database itself, by the million."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from referral.domain.programs.terms import Terms

REFEREES = 100  # of an ordinary referrer
REFERRERS_OF_WAITING = 100
TERMS = Terms.parse(
    {
        "qualification": {"event": "purchase", "min_amount": 2000, "unit": "EUR"},
        "rewards": [
            {"rule": "thanks", "to": "referrer", "amount": 1000, "unit": "EUR"},
            {"rule": "welcome", "to": "referee", "amount": 500, "unit": "EUR"},
        ],
    }
)


@dataclass(frozen=True)
class Rewarded:
    """`referrals` that brought two rewards each, `influencer` of them by the first referrer, 100 by each of the others.

    Users are numbered from `first`: these referrers, 100 more, the referees, and those `waiting`, who still have to buy
    something: those more brought them, in turn, so that two at a time are seldom of the same referrer.
    """

    first: int
    referrals: int
    influencer: int
    waiting: int

    @property
    def rewarded_referrers(self) -> range:
        others = -(-(self.referrals - self.influencer) // REFEREES)
        return range(self.first, self.first + 1 + others)

    def referees(self) -> range:
        start = self.rewarded_referrers.stop + REFERRERS_OF_WAITING
        return range(start, start + self.referrals)

    def waiting_users(self) -> range:
        start = self.referees().stop
        return range(start, start + self.waiting)


def customer_of(user: int) -> str:
    return f"customer-{user}"


_STATEMENTS = """
    CREATE FUNCTION pg_temp.id_of(part text, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE
    RETURN ('01900000-0000-7' || part || '-8000-' || lpad(to_hex(n), 12, '0'))::uuid;

    CREATE FUNCTION pg_temp.time_of(n bigint) RETURNS timestamptz LANGUAGE sql IMMUTABLE
    RETURN timestamptz '2026-01-01 00:00Z' + n * interval '1 millisecond';

    INSERT INTO users (id, external_id, credentials_version, created_at, referrals_count)
    SELECT pg_temp.id_of('000', referrer), 'customer-' || referrer, 1, pg_temp.time_of(0), count(*)
    FROM referred GROUP BY referrer ORDER BY referrer;

    INSERT INTO users (id, external_id, credentials_version, created_at)
    SELECT pg_temp.id_of('000', referee), 'customer-' || referee, 1, pg_temp.time_of(nth)
    FROM referred ORDER BY nth;

    INSERT INTO referral_codes (owner_id, text, issued_at, expires_at, program_id, uses)
    SELECT pg_temp.id_of('000', referrer), 'GIFT' || referrer, pg_temp.time_of(0), now() + interval '1 year',
           max(programs.id), count(*)
    FROM referred, programs WHERE slug = 'gifts' GROUP BY referrer ORDER BY referrer;

    INSERT INTO referrals (referrer_id, number, referee_id, code_id, created_at, program_id, status, qualified_at)
    SELECT owner_id, row_number() OVER (PARTITION BY referrer ORDER BY nth), pg_temp.id_of('000', referee),
           referral_codes.id, pg_temp.time_of(nth), program_id,
           CASE WHEN bought THEN 'qualified' ELSE 'signed_up' END, CASE WHEN bought THEN pg_temp.time_of(nth) END
    FROM referred JOIN referral_codes ON owner_id = pg_temp.id_of('000', referrer);

    INSERT INTO events (source, id, participant_id, type, amount, unit, occurred_at, recorded_at, metadata, digest)
    SELECT 'key:shop', 'order-' || nth, pg_temp.id_of('000', referee), 'purchase', 2500, 'EUR',
           pg_temp.time_of(nth), pg_temp.time_of(nth), '{}', ''
    FROM referred WHERE bought ORDER BY nth;

    INSERT INTO rewards (id, referral_id, program_id, terms_version, rule, side, beneficiary_id, amount, unit,
                         status, created_at, due_at, cause, budgeted)
    SELECT pg_temp.id_of('001', 2 * nth + turn), participant_id, programs.id, 1, rule, side,
           CASE side WHEN 'referee' THEN participant_id ELSE pg_temp.id_of('000', referrer) END, worth, 'EUR',
           'approved', occurred_at, occurred_at, events.number, false
    FROM referred JOIN events ON events.id = 'order-' || nth,
         (VALUES (0, 'thanks', 'referrer', 1000), (1, 'welcome', 'referee', 500)) AS rules (turn, rule, side, worth),
         programs
    WHERE slug = 'gifts' ORDER BY nth, turn;

    INSERT INTO ledger_entries (at, reward_id, account, amount, unit, cause)
    SELECT created_at, id, account, CASE account WHEN 'budget' THEN -amount ELSE amount END, unit, 'created'
    FROM rewards, (VALUES ('budget'), ('available')) AS accounts (account);

    INSERT INTO balances
    SELECT beneficiary_id, unit, 0, sum(amount), 0, 0 FROM rewards GROUP BY beneficiary_id, unit;

    INSERT INTO decisions (at, referral_id, terms_version, event, rule, outcome, reason, inputs)
    SELECT occurred_at, participant_id, 1, number, 'qualification', 'qualified', 'qualified',
           jsonb_build_object('event', id, 'type', type, 'amount', amount, 'unit', unit)
    FROM events ORDER BY number;

    INSERT INTO decisions (at, referral_id, terms_version, event, rule, outcome, reason, inputs, reward_id)
    SELECT created_at, referral_id, 1, cause, rule, 'rewarded', 'earned',
           jsonb_build_object('to', side, 'amount', amount, 'unit', unit, 'status', status), id
    FROM rewards ORDER BY id;
"""


def _referred(people: Rewarded) -> Iterator[tuple[int, int, int, bool]]:
    referrers = people.rewarded_referrers
    for nth, referee in enumerate(people.referees()):
        others = nth - people.influencer
        referrer = referrers[0] if others < 0 else referrers[1 + others // REFEREES]
        yield nth, referee, referrer, True
    for nth, referee in enumerate(people.waiting_users(), people.referrals):
        yield nth, referee, referrers.stop + nth % REFERRERS_OF_WAITING, False


async def add_rewarded(connection: Any, people: Rewarded) -> None:
    """Add the program `gifts` with all its people, where constraints, indexes and triggers are out of the way."""
    await connection.execute(
        "INSERT INTO programs (slug, name, status, terms_version, qualifies_at_sign_up, created_at)"
        " VALUES ('gifts', 'Gifts', 'active', 1, false, now())"
    )
    await connection.execute(
        "INSERT INTO program_terms SELECT id, 1, CAST($1::text AS jsonb), now() FROM programs"
        " WHERE slug = 'gifts'",
        json.dumps(TERMS.plain()),
    )
    await connection.execute(
        "CREATE TEMP TABLE referred (nth bigint, referee bigint, referrer bigint, bought boolean)"
    )
    await connection.copy_records_to_table("referred", records=_referred(people), timeout=1800)
    await connection.execute("ANALYZE referred")
    await connection.execute(_STATEMENTS, timeout=3600)

"""Users, codes and referrals by the million, loaded by COPY."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import bcrypt

from bench.rewarded import Rewarded, add_rewarded
from referral.adapters.credentials.jwt_tokens import JwtAccessTokens
from referral.application.access.ports import AccessClaims
from referral.domain.access.api_key import SECRET_LENGTH, digest_of_key, key_of
from referral.domain.access.caller import Scope
from referral.domain.accounts.user import UserId
from referral.domain.programs.terms import Terms
from servers import PASSWORD, SECRET

REFEREES = 100  # of an ordinary referrer
WAITING = 4  # of so many referrals of ordinary referrers, one is of a program in which a purchase qualifies
TERMS = {"qualification": {"event": "purchase", "min_amount": 2000, "unit": "EUR"}}
API_KEY = key_of("0" * SECRET_LENGTH)
START = datetime(2026, 1, 1, tzinfo=UTC)
EXPIRY = datetime.now(UTC) + timedelta(days=365)

_FILLED = [
    "users",
    "referral_codes",
    "referrals",
    "events",
    "rewards",
    "ledger_entries",
    "balances",
    "decisions",
]
_USERS = "id username username_key email email_key password_hash credentials_version referrals_count created_at"


@dataclass(frozen=True)
class Data:
    """`referrals` of them: `influencer` belong to user 0, and every other referrer has 100.

    Referrers come first in the numbers of the users, then the referees. Each referrer has an active code.
    The last users, `idle` of them, have neither codes nor referrals. If some are `waiting_for_rewards`, they and the
    people of a program that rewards come after them, with half as many referrals.
    """

    referrals: int
    influencer: int
    idle: int = 1000
    waiting_for_rewards: int = 0

    @property
    def referrers(self) -> int:
        return 1 + -(-(self.referrals - self.influencer) // REFEREES)

    @property
    def users(self) -> int:
        return self.referrers + self.referrals + self.idle

    @property
    def rewarded(self) -> Rewarded | None:
        """Two rewards for each referral: as many as there are other referrals, and as many to one referrer."""
        if not self.waiting_for_rewards:
            return None
        half = self.referrals // 2
        return Rewarded(self.users, half, min(self.influencer, half), self.waiting_for_rewards)

    def idle_users(self) -> range:
        return range(self.users - self.idle, self.users)

    def referrer_of(self, nth: int) -> tuple[int, int]:
        """Who brought the nth referee, and as which of theirs, counted from 1."""
        if nth < self.influencer:
            return 0, nth + 1
        others = nth - self.influencer
        return 1 + others // REFEREES, 1 + others % REFEREES

    def is_waiting(self, nth: int) -> bool:
        """Whether the nth referee still has to buy something, in the program `launch`."""
        return nth >= self.influencer and nth % WAITING == 0

    def waiting_users(self) -> list[int]:
        return [self.referrers + n for n in range(self.referrals) if self.is_waiting(n)]

    def count_of(self, user: int) -> int:
        if user == 0:
            return self.influencer
        if user < self.referrers - 1:
            return REFEREES
        if user == self.referrers - 1:
            return self.referrals - self.influencer - (user - 1) * REFEREES
        return 0


def id_of(user: int) -> UUID:
    return UUID(int=0x0190_0000_0000_7000_8000_0000_0000_0000 + user)


def email_of(user: int) -> str:
    return f"user{user}@example.org"


def code_of(user: int) -> str:
    return f"CODE{user:08d}"


def refresh_token_of(user: int) -> str:
    return f"refresh token {user}"


def access_token_of(user: int) -> str:
    tokens = JwtAccessTokens([SECRET], timedelta(minutes=15))
    return tokens.issue(AccessClaims(UserId(id_of(user)), 1), datetime.now(UTC))


async def load(url: str, data: Data) -> None:
    """Fill an empty, migrated database; what it holds to is checked when everything is there."""
    connection = await asyncpg.connect(url)
    try:
        constraints = await drop_constraints(connection)
        quick = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
        default = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(12)).decode()
        await _copy(connection, "users", _USERS, _user_rows(data, quick, default))
        await connection.execute("ALTER TABLE referral_codes ALTER id RESTART WITH 1")
        # What the triggers do for each row is done for all of them here.
        for table in ("referral_codes", "referrals", "ledger_entries"):
            await connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        await _copy(
            connection,
            "referral_codes",
            "owner_id text issued_at expires_at uses",
            (
                (id_of(n), code_of(n), START, EXPIRY, data.count_of(n))
                for n in range(data.referrers)
            ),
        )
        await _copy(
            connection,
            "referrals",
            "referrer_id number referee_id code_id created_at program_id status",
            _referral_rows(data),
        )
        await connection.execute(
            """INSERT INTO programs (slug, name, status, terms_version, created_at)
               VALUES ('launch', 'Launch', 'active', 1, now())"""
        )
        await connection.execute(
            "INSERT INTO program_terms SELECT id, 1, CAST($1::text AS jsonb), now() FROM programs"
            " WHERE slug = 'launch'",
            json.dumps(Terms.parse(TERMS).plain()),
        )
        await connection.execute(
            """INSERT INTO api_keys (id, name, digest, scopes, created_at)
               VALUES (gen_random_uuid(), 'bench', $1, $2, now())""",
            digest_of_key(API_KEY),
            [*Scope],
        )
        await _copy(
            connection,
            "refresh_tokens",
            "digest family_id user_id credentials_version expires_at",
            (
                (
                    hashlib.sha256(refresh_token_of(n).encode()).digest(),
                    id_of(n),
                    id_of(n),
                    1,
                    EXPIRY,
                )
                for n in data.idle_users()
            ),
        )
        if data.rewarded:
            await add_rewarded(connection, data.rewarded)
        for table in ("referral_codes", "referrals", "ledger_entries"):
            await connection.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
        for statement in constraints:
            await connection.execute(statement, timeout=1800)
        await connection.execute("VACUUM (ANALYZE)", timeout=1800)
        await connection.execute("CHECKPOINT", timeout=1800)
    finally:
        await connection.close()


async def _copy(
    connection: Any, table: str, columns: str, rows: Iterator[tuple[object, ...]]
) -> None:
    await connection.copy_records_to_table(
        table, columns=columns.split(), records=rows, timeout=1800
    )


async def drop_constraints(connection: Any) -> list[str]:
    """Drop the keys and indexes of what is filled, which cost more to keep than to make; return what makes them again."""
    constraints = await connection.fetch(
        """
        SELECT conrelid::regclass AS table, conname AS name, pg_get_constraintdef(oid) AS definition
        FROM pg_constraint
        WHERE conrelid::regclass::text = ANY ($1) AND contype IN ('p', 'u', 'f', 'x')
            OR confrelid::regclass::text = ANY ($1) AND contype = 'f'
        ORDER BY contype = 'f', conname
        """,
        _FILLED,
    )
    for row in reversed(constraints):
        await connection.execute(f"ALTER TABLE {row['table']} DROP CONSTRAINT {row['name']}")
    indexes = await connection.fetch(
        """
        SELECT indexrelid::regclass AS name, pg_get_indexdef(indexrelid) AS definition
        FROM pg_index WHERE indrelid::regclass::text = ANY ($1)
        """,
        _FILLED,
    )
    for row in indexes:
        await connection.execute(f"DROP INDEX {row['name']}")
    return [row["definition"] for row in indexes] + [
        f"ALTER TABLE {row['table']} ADD CONSTRAINT {row['name']} {row['definition']}"
        for row in constraints
    ]


def _user_rows(data: Data, quick: str, default: str) -> Iterator[tuple[object, ...]]:
    """The idle users of even numbers have a password hash of bcrypt's default cost, all others of its lowest."""
    first_idle = data.idle_users().start
    for n in range(data.users):
        name, email = f"user{n}", email_of(n)
        password_hash = default if n >= first_idle and n % 2 == 0 else quick
        yield id_of(n), name, name, email, email, password_hash, 1, data.count_of(n), START


def _referral_rows(data: Data) -> Iterator[tuple[object, ...]]:
    for nth in range(data.referrals):
        referrer, number = data.referrer_of(nth)
        when = START + timedelta(milliseconds=nth)
        program = (2, "signed_up") if data.is_waiting(nth) else (1, "qualified")
        yield id_of(referrer), number, id_of(data.referrers + nth), referrer + 1, when, *program

"""`make bench-migration`: how long those who read and write wait while programs come to a full database."""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import uuid4

import asyncpg

from bench.data import drop_constraints
from bench.machine import description
from referral.adapters.embedded_postgres import embedded_postgres
from referral.adapters.postgres.migrate import migrate

BEFORE, AFTER = "0006", "0008"
GOAL_SECONDS = 2.0
REFEREES = 100  # of each referrer

# Referrers and their referees have the numbers from 1; each referrer has an active code and an expired one.
_ID = "('01900000-0000-7000-8000-' || lpad(to_hex({}), 12, '0'))::uuid"
_USERS = f"""
    INSERT INTO users (id, username, username_key, email, email_key, password_hash, credentials_version,
                       referrals_count, created_at)
    SELECT {_ID.format("n")}, 'u' || n, 'u' || n, 'u' || n || '@x', 'u' || n || '@x', 'hash', 1,
           CASE WHEN n <= $1::bigint / {REFEREES} THEN {REFEREES} ELSE 0 END, now()
    FROM generate_series(1, $1::bigint + $1::bigint / {REFEREES}) AS n
"""  # noqa: S608  our own
_CODES = f"""
    INSERT INTO referral_codes (owner_id, text, issued_at, expires_at)
    SELECT {_ID.format("n")}, 'CODE' || n || '-' || year, now() + make_interval(years => year - 1),
           now() + make_interval(years => year)
    FROM generate_series(1, $1::bigint / {REFEREES}) AS n, (VALUES (0), (1)) AS years (year)
"""  # noqa: S608
_REFERRALS = f"""
    INSERT INTO referrals (referrer_id, number, referee_id, code_id, created_at)
    SELECT {_ID.format(f"1 + n / {REFEREES}")}, 1 + n % {REFEREES}, {_ID.format(f"1 + $1::bigint / {REFEREES} + n")},
           codes.first + 2 * (n / {REFEREES}), now()
    FROM generate_series(0, $1::bigint - 1) AS n, (SELECT min(id) AS first FROM referral_codes) AS codes
"""  # noqa: S608
_LOCK = """
    SELECT FROM users LEFT JOIN referrals ON referee_id = id WHERE username_key = $1 FOR NO KEY UPDATE OF users
"""
_NEW_USER = """
    INSERT INTO users (id, username, username_key, email, email_key, password_hash, credentials_version, created_at)
    VALUES ($1, $2, $2, $2, $2, 'hash', 1, now())
"""
_NEW_REFERRAL = """
    WITH counted AS (
        UPDATE users SET referrals_count = referrals_count + 1 WHERE username_key = $1 RETURNING id, referrals_count
    )
    INSERT INTO referrals (referrer_id, number, referee_id, code_id, created_at)
    SELECT id, referrals_count, $2, (SELECT id FROM referral_codes WHERE text = $3), now() FROM counted
"""
_NEW_CODE = """
    INSERT INTO referral_codes (owner_id, text, issued_at, expires_at)
    VALUES ($1, $2, now(), now() + interval '1 day')
"""
_LOOK = "SELECT * FROM referral_codes JOIN users ON users.id = owner_id WHERE text = $1"


async def fill(url: str, referrals: int) -> None:
    connection = await asyncpg.connect(url)
    constraints = await drop_constraints(connection)
    for statement in (_USERS, _CODES, _REFERRALS):
        await connection.execute(statement, referrals, timeout=1800)
    for statement in constraints:
        await connection.execute(statement, timeout=1800)
    await connection.execute("ANALYZE", timeout=1800)
    await connection.execute("CHECKPOINT", timeout=1800)
    await connection.close()


async def sign_up(connection: asyncpg.Connection, n: int) -> None:
    """What the service does when someone signs up with a code, and issues one of their own."""
    user, name = uuid4(), uuid4().hex
    async with connection.transaction():
        await connection.execute(_LOCK, f"u{1 + n}")
        await connection.execute(_NEW_USER, user, name)
        await connection.execute(_NEW_REFERRAL, f"u{1 + n}", user, f"CODE{1 + n}-1")
    await connection.execute(_NEW_CODE, user, name.upper())


async def look(connection: asyncpg.Connection, n: int) -> None:
    await connection.fetchrow(_LOOK, f"CODE{1 + n}-1")


async def longest(
    url: str,
    call: Callable[[asyncpg.Connection, int], Awaitable[None]],
    referrers: int,
    stop: asyncio.Event,
) -> tuple[float, int]:
    """The seconds of the slowest call, of how many."""
    connection = await asyncpg.connect(url)
    slowest, calls = 0.0, 0
    while not stop.is_set():
        started = time.perf_counter()
        await call(connection, calls * 7919 % referrers)
        slowest, calls = max(slowest, time.perf_counter() - started), calls + 1
    await connection.close()
    return slowest, calls


async def migrating(url: str, referrals: int) -> bool:
    """Migrate under load, and tell whether nobody waited too long."""
    stop = asyncio.Event()
    load = {
        name: asyncio.create_task(longest(url, call, referrals // REFEREES, stop))
        for name, call in (("read", look), ("written", sign_up), ("read too", look))
    }
    await asyncio.sleep(3)
    started = time.perf_counter()
    await asyncio.to_thread(migrate, url, AFTER)
    print(f"{BEFORE} to {AFTER} in {time.perf_counter() - started:.1f} s")
    stop.set()
    waits = {name: await task for name, task in load.items()}
    for name, (seconds, calls) in waits.items():
        print(f"{name:9} {calls:9,} times, the slowest {seconds:6.3f} s, goal {GOAL_SECONDS} s")
    return all(seconds < GOAL_SECONDS for seconds, _ in waits.values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--referrals", type=int, default=10**7)
    referrals = parser.parse_args().referrals
    print(description())
    with (
        tempfile.TemporaryDirectory(prefix="referral-bench-") as name,
        embedded_postgres(Path(name) / "data") as url,
    ):
        migrate(url, BEFORE)
        started = time.perf_counter()
        asyncio.run(fill(url, referrals))
        print(f"{referrals:,} referrals in {time.perf_counter() - started:.0f} s", flush=True)
        if not asyncio.run(migrating(url, referrals)):
            raise SystemExit(1)


if __name__ == "__main__":
    main()

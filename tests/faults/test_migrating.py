"""A migration while the service serves: no call is refused, and the version of today works on the schema of tomorrow."""

import asyncio
import shutil
import subprocess
import sys
import time
from collections import Counter

import pytest

from databases import query
from people import FAR, details, join
from referral.adapters.postgres import migrate as migrations
from servers import PASSWORD, running

CALLS_A_SECOND = 50
QUICK = 0.6  # seconds: half of what a call waits for a lock
TRIES = 4  # on a machine that is too busy to migrate so quickly
# Of the kind that ours are: a lock that is waited for a second, and things that are added.
TOMORROW = """
from alembic import op

revision = "tomorrow"
down_revision = "{head}"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    op.execute("CREATE TABLE visits (id bigint PRIMARY KEY, user_id uuid REFERENCES users)")
    op.execute("ALTER TABLE users ADD nickname text")
    op.execute("ALTER TABLE referral_codes ADD clicks integer NOT NULL DEFAULT 0")
    op.execute("ALTER TABLE referrals ADD note text NOT NULL DEFAULT ''")
    op.execute("ALTER TABLE refresh_tokens ADD device text")
    op.execute("ALTER TABLE rate_limits ADD label text")
    op.execute("ALTER TABLE idempotency_records ADD label text")
    op.execute("CREATE INDEX ix_visits_user ON visits (user_id)")
    op.execute("SELECT pg_sleep({holds_its_locks})")
    op.execute("CREATE TABLE took AS SELECT extract(epoch FROM clock_timestamp() - now())::float AS seconds")
"""
MIGRATE = """
import sys
from pathlib import Path
from referral.adapters.postgres import migrate

migrate._MIGRATIONS = Path(sys.argv[2])
migrate.migrate(sys.argv[1])
"""

pytestmark = pytest.mark.anyio


def tomorrow(directory, holds_its_locks: float):
    """The migrations of today, and one more."""
    place = directory / "migrations"
    shutil.copytree(migrations._MIGRATIONS, place)
    head = max(path.stem for path in (place / "versions").glob("0*.py")).partition("_")[0]
    content = TOMORROW.format(head=head, holds_its_locks=holds_its_locks)
    (place / "versions/tomorrow.py").write_text(content)
    return place


async def calls_during(server, ann, work: asyncio.Task[None]) -> Counter[int]:
    """The statuses of calls at a steady rate, a second longer than the work takes."""
    statuses: Counter[int] = Counter()
    async with server.crowd() as client:

        async def call(number: int) -> None:
            match number % 5:
                case 0:
                    body = {"expires_at": FAR, "replace_active": True}
                    answer = await client.post("/codes", json=body, headers=ann.bearer)
                case 1:
                    answer = await client.post("/auth/user", json=details())
                case 2:
                    answer = await client.get(f"/users/{ann.id}", headers=ann.bearer)
                case 3:
                    form = {"username": ann.username, "password": PASSWORD}
                    answer = await client.post("/auth/token", json=form)
                case _:
                    answer = await client.get("/codes", headers=ann.bearer)
            statuses[answer.status_code] += 1

        calls = []
        ends = None
        while ends is None or time.monotonic() < ends:
            calls.append(asyncio.create_task(call(len(calls))))
            await asyncio.sleep(1 / CALLS_A_SECOND)
            if ends is None and work.done():
                ends = time.monotonic() + 1
        await asyncio.gather(*calls)
    return statuses


async def statuses_while_migrating(server, holds_its_locks: float) -> Counter[int]:
    place = tomorrow(server.log.parent, holds_its_locks)
    with server.client() as client:
        ann = join(client)

    async def migrate() -> None:
        await asyncio.sleep(1)
        program = [sys.executable, "-c", MIGRATE, server.database_url, str(place)]
        for _ in range(TRIES):  # as an operator does, where a lock could not be had in time
            done = await asyncio.to_thread(subprocess.run, program, check=False)
            if done.returncode == 0:
                return
        raise AssertionError("the migration failed each time")

    return await calls_during(server, ann, asyncio.create_task(migrate()))


async def test_f22_no_call_fails_while_a_table_and_columns_are_added(databases, tmp_path_factory):
    for _ in range(TRIES):
        with (
            databases.migrated() as url,
            running(tmp_path_factory.mktemp("server"), url, workers=2) as server,
        ):
            statuses = await statuses_while_migrating(server, 0)
            [(took,)] = query(url, "SELECT seconds FROM took")
            if took < QUICK:
                assert statuses.keys() <= {200, 201}
                assert statuses.total() >= 2 * CALLS_A_SECOND / 2
                with server.client() as client:
                    ann = join(client)
                    bob = join(client, ann.new_code())
                    assert ann.get(f"/users/{ann.id}").json()["total"] == 1
                    assert bob.delete("/users/me", {"password": PASSWORD}).status_code == 204
                return
    pytest.fail("the machine is too busy to migrate in time")


async def test_f22_a_migration_that_keeps_its_locks_is_noticed(databases, tmp_path):
    with databases.migrated() as url, running(tmp_path, url, workers=2) as server:
        statuses = await statuses_while_migrating(server, 2)

    assert statuses[503] > 0

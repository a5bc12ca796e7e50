"""Brings a database to the schema this version works with."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncpg
import structlog
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

_MIGRATIONS = Path(__file__).parent / "migrations"
_ONE_AT_A_TIME = 0x5EFE_55A1  # any number, the same for every migrator
ASK_AGAIN_SECONDS = 0.1

log = structlog.get_logger()

# What serving needs, and no more: no DDL, and a superuser could read the server's files and run programs.
_SERVING_ROLE = (
    "CREATE ROLE {role} LOGIN",
    "REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role}",
)


def migrate(url: str, revision: str = "head", serving_role: str = "") -> None:
    """Upgrade the database at `url`; of many processes that try at once, one does it and the rest wait, and say so.

    Where `serving_role` is named and missing, it is made: a role that reads and writes the rows of these tables
    and of those to come, and can do nothing else. Then `url` has to be a superuser's.

    What fails is undone, or done again the next time: each migration is one transaction, save for what PostgreSQL
    does only outside one, such as building an index while others write. Raises OSError, asyncpg.PostgresError (no
    connection) or sqlalchemy.exc.DBAPIError (a migration failed).
    """
    # In a thread of its own, for callers whose event loop already runs.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, _migrate(url, revision, serving_role)).result()


async def _migrate(url: str, revision: str, serving_role: str) -> None:
    async def connect() -> asyncpg.Connection:
        return await asyncpg.connect(url, timeout=10, server_settings={"lock_timeout": "0"})

    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)
    async with engine.connect() as lock:
        await _wait_for_turn(lock)
        async with engine.connect() as connection:
            await connection.run_sync(_upgrade, revision, serving_role)
    await engine.dispose()


async def _wait_for_turn(lock: AsyncConnection) -> None:
    """Take the migrators' lock, until the connection's transaction ends.

    Nobody waits for it within a transaction: an index that is built while others write waits for all that were begun
    before, so they would wait for each other.
    """
    is_my_turn = text(f"SELECT pg_try_advisory_xact_lock({_ONE_AT_A_TIME})")
    has_told = False
    while not await lock.scalar(is_my_turn):
        await lock.rollback()
        if not has_told:
            log.warning("waiting for another migration")
            has_told = True
        await asyncio.sleep(ASK_AGAIN_SECONDS)
    # The last statement is one that sees no rows: of another, what it saw would be kept, and waited for.
    await lock.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))


def _upgrade(connection: Connection, revision: str, serving_role: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
    connection.rollback()  # where there was nothing to do, it has only looked
    with connection.begin():
        is_known = text("SELECT 1 FROM pg_roles WHERE rolname = :role")
        if serving_role and not connection.execute(is_known, {"role": serving_role}).first():
            _make(serving_role, connection)


def _make(serving_role: str, connection: Connection) -> None:
    quoted = connection.dialect.identifier_preparer.quote_identifier
    database = connection.scalar(text("SELECT current_database()"))
    for statement in _SERVING_ROLE:
        connection.execute(
            text(statement.format(role=quoted(serving_role), database=quoted(database)))
        )

"""Brings a database to the schema this version works with."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncpg
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

_MIGRATIONS = Path(__file__).parent / "migrations"
_ONE_AT_A_TIME = 0x5EFE_55A1  # any number, the same for every migrator


def migrate(url: str, revision: str = "head") -> None:
    """Upgrade the database at `url`; of many processes that try at once, one does it and the rest wait.

    What fails is undone: each migration is one transaction. Raises OSError, asyncpg.PostgresError
    (no connection) or sqlalchemy.exc.DBAPIError (a migration failed).
    """
    # In a thread of its own, for callers whose event loop already runs.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, _migrate(url, revision)).result()


async def _migrate(url: str, revision: str) -> None:
    async def connect() -> asyncpg.Connection:
        return await asyncpg.connect(url, timeout=10, server_settings={"lock_timeout": "0"})

    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(_upgrade, revision)
    await engine.dispose()


def _upgrade(connection: Connection, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    with connection.begin():
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_ONE_AT_A_TIME})"))
        command.upgrade(config, revision)

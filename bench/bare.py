"""What the ceiling's calls are made of: connections, the cheapest way to keep them, and bodies."""

import os
from typing import Any, ClassVar

import asyncpg
import msgspec

from referral.adapters.postgres.core.statement import Statement
from referral.adapters.system import SystemRandomness

new_id = SystemRandomness().new_id
encode = msgspec.json.Encoder().encode
DATABASE: dict[str, Any] = {
    "dsn": os.environ.get("REFERRAL_DATABASE_URL"),
    "server_settings": {"timezone": "UTC", "jit": "off"},
}


class Connection:
    """One that nobody uses, or else a new one, for as long as the block lasts."""

    idle: ClassVar[list[Any]] = []

    async def __aenter__(self) -> Any:
        self.mine = self.idle.pop() if self.idle else await asyncpg.connect(**DATABASE)
        return self.mine

    async def __aexit__(self, *_: object) -> None:
        self.idle.append(self.mine)


async def fetch_row(statement: Statement, *arguments: Any) -> Any:
    async with Connection() as connection:
        return await connection.fetchrow(statement.sql, *arguments)


async def fetch_rows(statement: Statement, *arguments: Any) -> Any:
    async with Connection() as connection:
        return await connection.fetch(statement.sql, *arguments)


async def body_of(receive: Any) -> bytes:
    message = await receive()
    body: bytes = message["body"]
    while message["more_body"]:
        message = await receive()
        body += message["body"]
    return body

"""What an operator does on the machine itself, whether the server runs or not."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from people import details
from referral.application.use_cases import UseCases
from servers import SECRET

T = TypeVar("T")


@dataclass(frozen=True)
class Key:
    """An API key that was made."""

    id: str
    secret: str

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secret}"}


def operate(database_url: str, deed: Callable[[UseCases], Awaitable[T]]) -> T:
    """What the deed gives, which is called with the use cases on this database."""
    from referral.entrypoints.bootstrap.container import open_use_cases
    from referral.entrypoints.bootstrap.settings import Settings

    async def do() -> T:
        settings = Settings(database_url=database_url, secret=SECRET, bcrypt_cost=4)
        async with open_use_cases(settings) as referral:
            return await deed(referral)

    return asyncio.run(do())


def make_keys(database_url: str, **scopes: list[str]) -> dict[str, Key]:
    """A key of each name, with its scopes; a server that runs knows them within a second."""

    async def make(referral: UseCases) -> dict[str, Key]:
        made = {
            name: await referral.access.create_key(name=name, scopes=wanted)
            for name, wanted in scopes.items()
        }
        return {name: Key(str(key.id), secret) for name, (key, secret) in made.items()}

    return operate(database_url, make)


def make_administrator(database_url: str) -> dict[str, str]:
    """What the new administrator registered with; a server that runs knows them as one within a second."""
    person = details()

    async def make(referral: UseCases) -> None:
        await referral.accounts.register_user(**person)
        await referral.access.grant_admin(email=person["email"])

    operate(database_url, make)
    return person

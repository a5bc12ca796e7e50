import asyncio
import os
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import bcrypt

from referral.domain.errors import HashingBusy
from referral.domain.user import PASSWORD_MAX_BYTES

T = TypeVar("T")

# A hash of a higher cost was not made here, and would hold a thread for a minute.
HIGHEST_COST = 15
WAITING_PER_THREAD = 8

_HASH = re.compile(r"\$2[abxy]\$(\d\d)\$[./A-Za-z0-9]{53}")


class BcryptPasswords:
    """bcrypt in threads of its own: as many as there are cores, and a bounded number waiting for them."""

    def __init__(self, cost: int, threads: int | None = None) -> None:
        self._cost = cost
        self._threads = threads or os.cpu_count() or 1
        self._room = self._threads * (1 + WAITING_PER_THREAD)
        self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="bcrypt")
        # What is checked where there is no hash: it costs the same and matches nothing.
        self._nobodys_hash = bcrypt.gensalt(cost) + b"." * 31

    def ensure_room(self) -> None:
        if self._room == 0:
            raise HashingBusy

    async def hash(self, password: str) -> str:
        salted = await self._off_the_loop(
            lambda: bcrypt.hashpw(password.encode(), bcrypt.gensalt(self._cost))
        )
        return salted.decode()

    async def verify(self, password: str, password_hash: str | None) -> bool:
        encoded = password.encode("utf-8", "surrogatepass")
        usable = len(encoded) <= PASSWORD_MAX_BYTES and _cost_of(password_hash) <= HIGHEST_COST
        stored = password_hash.encode() if usable and password_hash else self._nobodys_hash
        return await self._off_the_loop(lambda: self._check(encoded[:PASSWORD_MAX_BYTES], stored))

    def _check(self, password: bytes, stored: bytes) -> bool:
        try:
            return bcrypt.checkpw(password, stored)
        except ValueError:  # a damaged salt
            return bcrypt.checkpw(password, self._nobodys_hash)

    def is_outdated(self, password_hash: str) -> bool:
        return _cost_of(password_hash) < self._cost

    async def _off_the_loop(self, work: Callable[[], T]) -> T:
        self.ensure_room()
        self._room -= 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._room += 1

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


def _cost_of(password_hash: str | None) -> int:
    """The cost a hash says it was made with, `$2b$12$…`; one out of reach for what is no bcrypt hash."""
    match = _HASH.fullmatch(password_hash or "")
    return int(match[1]) if match else HIGHEST_COST + 1

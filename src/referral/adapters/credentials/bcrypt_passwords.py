import asyncio
import os
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import bcrypt
import structlog

from referral.domain.accounts.errors import HashingBusy
from referral.domain.accounts.user import PASSWORD_MAX_BYTES

T = TypeVar("T")

# bcrypt's least, and more than is made here: a hash of a higher cost would hold a thread for a minute.
COSTS = range(4, 16)
WAITING_PER_THREAD = 8

# In bcrypt's base 64 the last character of a salt stands for two bits.
_HASH = re.compile(r"\$2[abxy]\$(\d\d)\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{31}")

log = structlog.get_logger()


class BcryptPasswords:
    """bcrypt in threads of its own: as many as there are cores, and a bounded number waiting for them."""

    def __init__(self, cost: int, threads: int | None = None) -> None:
        self._cost = cost
        self._threads = threads or os.cpu_count() or 1
        self._room = self._threads * (1 + WAITING_PER_THREAD)
        self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="bcrypt")
        # What is checked where there is no hash: it costs the same and matches nothing.
        self._nobodys_hashes = {c: bcrypt.gensalt(c) + b"." * 31 for c in COSTS}

    def ensure_room(self) -> None:
        if self._room == 0:
            raise HashingBusy

    async def hash(self, password: str) -> str:
        salted = await self._off_the_loop(
            lambda: bcrypt.hashpw(password.encode(), bcrypt.gensalt(self._cost))
        )
        return salted.decode()

    async def verify(self, password: str, password_hash: str | None) -> bool:
        cost = _cost_of(password_hash or "")
        if password_hash is not None and cost is None:
            log.error("stored password hash unusable", reason="damaged, or of a cost out of bounds")
        encoded = password.encode("utf-8", "surrogatepass")
        if password_hash is None or cost is None or len(encoded) > PASSWORD_MAX_BYTES:
            encoded, cost = encoded[:PASSWORD_MAX_BYTES], self._cost
            stored = self._nobodys_hashes[cost]
        else:
            stored = password_hash.encode()
        return await self._off_the_loop(lambda: self._check(encoded, stored, cost))

    def _check(self, password: bytes, stored: bytes, cost: int) -> bool:
        right = bcrypt.checkpw(password, stored)
        # A hash from before the cost was raised must not show by the time it takes: 2^c + 2^c + 2^(c+1) + … makes
        # up what is missing.
        for missing in range(cost, self._cost):
            bcrypt.checkpw(password, self._nobodys_hashes[missing])
        return right

    def is_outdated(self, password_hash: str) -> bool:
        cost = _cost_of(password_hash)
        return cost is not None and cost < self._cost

    async def _off_the_loop(self, work: Callable[[], T]) -> T:
        self.ensure_room()
        self._room -= 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._room += 1

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


def _cost_of(password_hash: str) -> int | None:
    """The cost a hash says it was made with, `$2b$12$…`; None for one that cannot or must not be checked."""
    match = _HASH.fullmatch(password_hash)
    cost = int(match[1]) if match else 0
    return cost if cost in COSTS else None

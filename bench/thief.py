"""`make bench-thief`: whether a thief who refreshes a stolen token without a pause outruns what ends its family.

Over two workers, with no rate limits, so that the thief is as fast as can be. The thief outran it when a call that
started after the owner was answered gets another pair.
"""

import argparse
import asyncio
import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any

import msgspec

from bench.data import Data, refresh_token_of
from bench.goals import conclude
from bench.load import Call, connected
from bench.machine import description
from bench.sides import filled

CONNECTIONS = 16  # the kernel spreads them over the workers
FAMILIES_AT_ONCE = 4
HEAD_START = 8  # rotations at most, before the owner notices
WAYS = ("revocation", "reuse", "reuse of two at once")


@dataclass
class Thief:
    """Refreshes again and again, each time over another connection; `tokens` are all there were."""

    calls: Iterator[Call]
    tokens: list[str]
    head_start: int = field(default_factory=lambda: random.randint(2, HEAD_START))
    found_out: asyncio.Event = field(default_factory=asyncio.Event)
    is_over: bool = False
    got: Counter[int] = field(default_factory=Counter)

    async def outruns(self) -> bool:
        while True:
            was_over = self.is_over
            status, body = await refresh(next(self.calls), self.tokens[-1])
            self.got[status] += 1
            if status == 200:
                if was_over:
                    return True
                self.tokens.append(msgspec.json.decode(body)["refresh_token"])
                if len(self.tokens) > self.head_start:
                    self.found_out.set()
            elif status == 401:
                return False


async def refresh(call: Call, token: str) -> tuple[int, bytes]:
    body = {"grant_type": "refresh_token", "refresh_token": token}
    return await call("POST", "/auth/token", None, msgspec.json.encode(body))


async def end(way: str, calls: Iterator[Call], tokens: list[str]) -> list[int]:
    """Have the owner, who has old tokens of the family, end it; the statuses of the answers."""
    if way == "revocation":
        body = msgspec.json.encode({"token": tokens[0]})
        answers = [await next(calls)("POST", "/auth/revoke", None, body)]
    else:
        old = tokens[: 1 if way == "reuse" else 2]
        answers = await asyncio.gather(*(refresh(next(calls), token) for token in old))
    return [status for status, _ in answers]


async def trials(address: str, way: str, families: range) -> dict[str, Any]:
    started = time.perf_counter()
    waiting = iter(families)
    outrun = 0
    owner_got: Counter[int] = Counter()
    thief_got: Counter[int] = Counter()

    async def one_after_the_other(thiefs: list[Call], owners: list[Call]) -> None:
        nonlocal outrun
        for family in waiting:
            thief = Thief(cycle(thiefs), [refresh_token_of(family)])
            running = asyncio.create_task(thief.outruns())
            await thief.found_out.wait()
            await asyncio.sleep(random.random() * 0.005)
            owner_got.update(await end(way, cycle(owners), thief.tokens))
            thief.is_over = True
            outrun += await running
            thief_got.update(thief.got)

    async with connected(address, CONNECTIONS * FAMILIES_AT_ONCE, []) as calls:
        await asyncio.gather(
            *(
                one_after_the_other(mine[: CONNECTIONS // 2], mine[CONNECTIONS // 2 :])
                for mine in (calls[n::FAMILIES_AT_ONCE] for n in range(FAMILIES_AT_ONCE))
            )
        )
    return {
        "families": len(families),
        "outrun": outrun,
        "owner_got": owner_got,
        "thief_got": thief_got,
        "seconds": time.perf_counter() - started,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--families", type=int, default=200, help="for each way to end one")
    parser.add_argument("--json", type=Path, default=Path("build/bench-thief.json"))
    options = parser.parse_args()

    print(description())
    families = options.families
    data = Data(referrals=1000, influencer=100, idle=families * len(WAYS))
    with filled(data) as database, database.service(workers=2) as server:
        found = {
            way: asyncio.run(
                trials(server.api, way, data.idle_users()[n * families : (n + 1) * families])
            )
            for n, way in enumerate(WAYS)
        }
    missed = []
    for way, result in found.items():
        line = f"{way:20} {result['outrun']} of {result['families']} families outran it"
        got = f"the owner got {dict(result['owner_got'])}, the thief {dict(result['thief_got'])}"
        print(f"{line}; {got}")
        if result["outrun"]:
            missed.append(line)
    conclude(options.json, found, missed)


if __name__ == "__main__":
    main()

"""`make bench-timing`: whether the time of a refused log-in tells what was wrong with it.

Log-ins of four kinds take turns, in another order each time, one at a time. For each pair of kinds, the chance that
the one takes longer than the other (AUC, the area under the ROC curve) has to be near a half.
"""

import argparse
import asyncio
import random
import time
from itertools import combinations
from pathlib import Path
from statistics import median

import asyncpg
import bcrypt
import msgspec

from bench.data import Data, email_of, id_of
from bench.goals import conclude
from bench.load import connected
from bench.machine import description
from bench.sides import filled
from servers import PASSWORD
from timing import auc

DATA = Data(referrals=1000, influencer=100)
KNOWN, OLD, NAMED_LIKE_AN_ADDRESS, ADDRESS_IS_A_NAME = DATA.idle_users()[:4]
NAMES = {
    "unknown user": "nobody",
    "wrong password": f"user{KNOWN}",
    "name that is an address": email_of(ADDRESS_IS_A_NAME),
    "old hash": f"user{OLD}",
}
WARM_UP = 3
CHEAPER = 2  # an old hash's cost is so much lower


async def prepare(url: str, cost: int) -> None:
    current, old = (
        bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(c)).decode() for c in (cost, cost - CHEAPER)
    )
    connection = await asyncpg.connect(url)
    await connection.execute("UPDATE users SET password_hash = $1", current)
    await connection.execute("UPDATE users SET password_hash = $1 WHERE id = $2", old, id_of(OLD))
    await connection.execute(
        "UPDATE users SET username = $1, username_key = $1 WHERE id = $2",
        email_of(ADDRESS_IS_A_NAME),
        id_of(NAMED_LIKE_AN_ADDRESS),
    )
    await connection.close()


async def measure(address: str, times: int) -> dict[str, list[float]]:
    """How many seconds each log-in took."""
    taken: dict[str, list[float]] = {kind: [] for kind in NAMES}
    for _ in range(WARM_UP + times):
        async with connected(address, 1, []) as [call]:  # to either worker
            for kind in random.sample(list(NAMES), len(NAMES)):
                body = {"username": NAMES[kind], "password": "a wrong guess"}
                raw = msgspec.json.encode(body)
                started = time.perf_counter()
                status, _ = await call("POST", "/auth/token", None, raw)
                taken[kind].append(time.perf_counter() - started)
                if status != 401:
                    raise RuntimeError(f"A log-in was answered with {status}")
    return {kind: seconds[WARM_UP:] for kind, seconds in taken.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=600, help="log-ins of each kind")
    parser.add_argument("--cost", type=int, default=11, help="of bcrypt")
    parser.add_argument("--tolerance", type=float, default=0.05, help="goal, around 0.5")
    parser.add_argument("--json", type=Path, default=Path("build/bench-timing.json"))
    options = parser.parse_args()

    print(description())
    with filled(DATA) as database:
        asyncio.run(prepare(database.url, options.cost))
        with database.service(workers=2, bcrypt_cost=options.cost) as server:
            taken = asyncio.run(measure(server.api, options.times))
    pairs, missed = {}, []
    for a, b in combinations(taken, 2):
        value, margin = auc(taken[a], taken[b])
        apart = abs(median(taken[a]) - median(taken[b])) * 1000
        pairs[f"{a}, {b}"] = {"auc": value, "margin": margin, "medians_apart_ms": apart}
        line = f"{a:24} {b:24} AUC {value:.3f} ± {margin:.3f}, medians {apart:.2f} ms apart"
        print(line)
        if abs(value - 0.5) > options.tolerance:
            missed.append(line)
    medians = {kind: median(seconds) * 1000 for kind, seconds in taken.items()}
    found = {"times": options.times, "cost": options.cost, "medians_ms": medians, "pairs": pairs}
    conclude(options.json, found, missed)


if __name__ == "__main__":
    main()

"""`make bench-flood`: what a flood of log-ins does to the reads, to itself, and to those it has no room for.

Sixty clients log in without a pause. Who is told to come back in a second does so in a second or two, not all at
once; rude ones come back at once.
"""

import argparse
import asyncio
import itertools
import json
import os
import random
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median, quantiles

import bcrypt

from bench.calls import log_ins, reads_of_code_status
from bench.data import Data
from bench.load import Call, Read, connected
from bench.machine import description
from bench.sides import filled
from servers import PASSWORD

DATA = Data(referrals=110_000, influencer=10_000)
CLIENTS = 60
READERS = 4
PAUSE = 0.1  # seconds between a reader's calls: the cores are left to bcrypt


def percentile(seconds: Sequence[float], which: int) -> float:
    """In milliseconds."""
    return quantiles(seconds, n=100)[which - 1] * 1000


async def keep_reading(call: Call, asked: Iterator[Read], until: float) -> None:
    while time.perf_counter() < until:
        path, token = next(asked)
        status, body = await call("GET", path, token)
        if status != 200:
            raise RuntimeError(f"{path} was answered with {status}: {body!r}")
        await asyncio.sleep(PAUSE)


async def keep_logging_in(
    call: Call,
    bodies: Iterator[bytes],
    until: float,
    answers: dict[int, list[float]],
    patience: float,
) -> None:
    await asyncio.sleep(patience * random.random())
    while time.perf_counter() < until:
        status, _ = await call("POST", "/auth/token", None, next(bodies))
        answers[status].append(call.seconds[-1])
        if status == 503:
            await asyncio.sleep(patience * random.uniform(1, 2))


async def run(address: str, seconds: float, clients: int, patience: float) -> dict[str, float]:
    """Reads, and beside them so many clients that log in."""
    until = time.perf_counter() + seconds
    asked = itertools.cycle(reads_of_code_status(DATA))
    bodies = log_ins(DATA)
    read_seconds: list[float] = []
    answers: dict[int, list[float]] = defaultdict(list)
    async with (
        connected(address, READERS, read_seconds) as readers,
        connected(address, clients, []) as others,
    ):
        started = time.perf_counter()
        await asyncio.gather(
            *(keep_reading(call, asked, until) for call in readers),
            *(keep_logging_in(call, bodies, until, answers, patience) for call in others),
        )
        took = time.perf_counter() - started
    if strange := answers.keys() - {200, 503}:
        raise RuntimeError(f"Log-ins were answered with {strange}.")
    result = {
        "reads_p50_ms": percentile(read_seconds, 50),
        "reads_p99_ms": percentile(read_seconds, 99),
    }
    if clients:
        result["log_ins_per_second"] = len(answers[200]) / took
        result["refused_per_second"] = len(answers[503]) / took
        result["refused_p99_ms"] = percentile(answers[503], 99)
    return result


def bare_bcrypt(seconds: float) -> float:
    """Checks per second, on as many threads as there are cores."""
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(12))
    started = time.perf_counter()

    def check(_: int) -> int:
        done = 0
        while time.perf_counter() - started < seconds:
            bcrypt.checkpw(PASSWORD.encode(), hashed)
            done += 1
        return done

    threads = os.cpu_count() or 1
    with ThreadPoolExecutor(threads) as pool:
        done = sum(pool.map(check, range(threads)))
    return done / (time.perf_counter() - started)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--json", type=Path, default=Path("build/bench-flood.json"))
    options = parser.parse_args()

    print(description())
    with filled(DATA) as database, database.service() as service:
        rounds = [
            {
                "bare": {"log_ins_per_second": bare_bcrypt(options.seconds)},
                "quiet": asyncio.run(run(service.api, options.seconds, 0, 0)),
                "flood": asyncio.run(run(service.api, options.seconds, CLIENTS, 1)),
                "rude": asyncio.run(run(service.api, options.seconds, CLIENTS, 0)),
            }
            for _ in range(options.rounds)
        ]
    results = {
        kind: {name: median(r[kind][name] for r in rounds) for name in rounds[0][kind]}
        for kind in rounds[0]
    }
    for kind, figures in results.items():
        print(
            f"{kind:6}",
            ", ".join(f"{name.replace('_', ' ')} {value:.2f}" for name, value in figures.items()),
        )
    flood, quiet = results["flood"], results["quiet"]
    print(
        f"log-ins against bare bcrypt {flood['log_ins_per_second'] / results['bare']['log_ins_per_second']:.2f} (goal 0.97)"
    )
    print(
        f"reads' p99 against quiet {flood['reads_p99_ms'] / quiet['reads_p99_ms']:.1f} (goal 3, and 25 ms)"
    )
    options.json.parent.mkdir(exist_ok=True)
    options.json.write_text(json.dumps({"machine": description(), **results}, indent=2))


if __name__ == "__main__":
    main()

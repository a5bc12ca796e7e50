"""`make bench-flood`: what a flood of log-ins does to the reads, to itself, and to those it has no room for.

Sixty clients log in without a pause. Who is told to come back in a second does so in a second or two, not all at
once; rude ones come back at once, with the rate limits off and on. The reads come from a process of their own, so
that what they wait for is the service and not the flood's clients.
"""

import argparse
import asyncio
import itertools
import json
import os
import random
import time
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import bcrypt

from bench.calls import log_ins, reads_of_code_status
from bench.data import Data
from bench.load import Call, connected
from bench.machine import description
from bench.sides import filled
from servers import PASSWORD

CLIENTS = 60
READERS = 4
PAUSE = 0.1  # seconds between a reader's calls: the cores are left to bcrypt

Measurement = Callable[[], Coroutine[Any, Any, dict[str, float]]]


def percentile(seconds: Sequence[float], which: int) -> float:
    """In milliseconds."""
    return quantiles(seconds, n=100)[which - 1] * 1000


async def reads(address: str, data: Data, seconds: float) -> dict[str, float]:
    until = time.perf_counter() + seconds
    asked = itertools.cycle(reads_of_code_status(data))
    taken: list[float] = []

    async def keep_reading(call: Call) -> None:
        while time.perf_counter() < until:
            path, token = next(asked)
            status, body = await call("GET", path, token)
            if status != 200:
                raise RuntimeError(f"{path} was answered with {status}: {body!r}")
            await asyncio.sleep(PAUSE)

    async with connected(address, READERS, taken) as calls:
        await asyncio.gather(*map(keep_reading, calls))
    return {"reads_p50_ms": percentile(taken, 50), "reads_p99_ms": percentile(taken, 99)}


async def flood(address: str, data: Data, seconds: float, patience: float) -> dict[str, float]:
    """Log-ins without a pause; who is refused waits for `patience` seconds, or up to twice as long."""
    started = last = time.perf_counter()
    bodies = log_ins(data)
    done = 0
    refused: list[float] = []

    async def keep_logging_in(call: Call) -> None:
        nonlocal last, done
        await asyncio.sleep(patience * random.random())
        while time.perf_counter() - started < seconds:
            status, body = await call("POST", "/auth/token", None, next(bodies))
            if status == 200:
                done, last = done + 1, time.perf_counter()
            elif status in {429, 503}:
                refused.append(call.seconds[-1])
                await asyncio.sleep(patience * random.uniform(1, 2))
            else:
                raise RuntimeError(f"A log-in was answered with {status}: {body!r}")

    async with connected(address, CLIENTS, []) as calls:
        await asyncio.gather(*map(keep_logging_in, calls))
    return {
        "log_ins_per_second": done / max(last - started, seconds),
        "refused_per_second": len(refused) / seconds,
        "refused_p99_ms": percentile(refused, 99),
    }


def at_once(*measurements: Measurement) -> dict[str, float]:
    """What all of them found, each in a process of its own."""
    with ProcessPoolExecutor() as pool:
        running = [pool.submit(found_by, measurement) for measurement in measurements]
        return {name: value for one in running for name, value in one.result().items()}


def found_by(measurement: Measurement) -> dict[str, float]:
    return asyncio.run(measurement())


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
    parser.add_argument("--referrals", type=int, default=110_000)
    parser.add_argument("--json", type=Path, default=Path("build/bench-flood.json"))
    options = parser.parse_args()

    print(description())
    data, seconds = Data(options.referrals, influencer=options.referrals // 11), options.seconds
    with (
        filled(data) as database,
        database.service() as service,
        database.service(rate_limits="on") as limited,
    ):
        reading, reading_limited = (
            partial(reads, s.api, data, seconds) for s in (service, limited)
        )
        rounds = [
            {
                "bare": {"log_ins_per_second": bare_bcrypt(seconds)},
                "quiet": at_once(reading),
                "flood": at_once(reading, partial(flood, service.api, data, seconds, patience=1)),
                "rude": at_once(reading, partial(flood, service.api, data, seconds, patience=0)),
                "limits": at_once(
                    reading_limited, partial(flood, limited.api, data, seconds, patience=0)
                ),
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
    flooded, quiet, bare = results["flood"], results["quiet"], results["bare"]
    log_ins_kept = flooded["log_ins_per_second"] / bare["log_ins_per_second"]
    reads_slowed = flooded["reads_p99_ms"] / quiet["reads_p99_ms"]
    print(f"log-ins against bare bcrypt {log_ins_kept:.2f} (goal 0.97)")
    print(f"reads' p99 against quiet {reads_slowed:.1f} (goal 3, and 25 ms)")
    options.json.parent.mkdir(exist_ok=True)
    options.json.write_text(json.dumps({"machine": description(), **results}, indent=2))


if __name__ == "__main__":
    main()

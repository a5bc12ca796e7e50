"""`make bench-hostile`: what becomes of a client that means well beside clients that mean harm.

One kind of hostile client after the other, each on a server of its own, then all of them together. Every one sends
from an address of its own within 127.0.0.0/8; the two sides are processes of their own.
"""

import argparse
import json
import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from pathlib import Path
from statistics import linear_regression
from typing import Any, NamedTuple

from bench.data import Data
from bench.goals import conclude
from bench.good import good_client
from bench.kinds import attack, kinds
from bench.machine import all_cpu_seconds, cpu_seconds, description, held
from bench.sides import Database, filled

DATA = Data(referrals=20_000, influencer=1_000)
REAL = {"workers": 2, "rate_limits": "on", "bcrypt_cost": 12}
NOBODY, TOGETHER = "nobody", "all together"
WARM_UP = 3.0  # seconds, of the good client alone
USERS_A_KIND = 30
GOAL_P99_MS = 100
# After a third of the time, for warming up, a straight line through the samples rises by no more than this.
GOAL_RISE_MB = 20
GOAL_MOST = 2.0  # times what was held at the start

START, END = "<!-- measured by bench.hostile -->\n", "<!-- end -->\n"


class Sample(NamedTuple):
    """What the service and PostgreSQL hold after so many seconds."""

    seconds: float
    service_mb: float
    postgres_mb: float
    files: int


def measured(database: Database, number: int, names: list[str], seconds: float) -> dict[str, Any]:
    """What the good client and these hostile clients got on a new server, and what it held meanwhile."""
    first = DATA.idle_users().start + number * USERS_A_KIND
    families, others = range(first + 1, first + 10), range(first + 10, first + USERS_A_KIND)
    postgres_log = _log_size(database)
    with database.service(**REAL) as server, ProcessPoolExecutor(2) as pool:
        good = pool.submit(good_client, server.api, DATA, first, families, seconds, WARM_UP)
        time.sleep(WARM_UP)
        started = time.monotonic()

        def sample() -> Sample:
            service_mb, files = held(server.process.pid)
            postgres_mb, _ = held(database.process)
            return Sample(time.monotonic() - started, service_mb, postgres_mb, files)

        samples = [sample()]
        by_others = all_cpu_seconds() - cpu_seconds(os.getpid())
        hostile = pool.submit(attack, server.api, names, others, first, seconds)
        while not _done(good, min(10, seconds / 12)):
            samples.append(sample())
        by_others = all_cpu_seconds() - cpu_seconds(os.getpid()) - by_others
        found = {"good": good.result(), "hostile": hostile.result()}
        time.sleep(1)
        after = sample()
    log = server.log.read_bytes()
    return {
        **found,
        "samples": [*samples, after],
        "service_rise_mb": rise([(s.seconds, s.service_mb) for s in samples]),
        "postgres_rise_mb": rise([(s.seconds, s.postgres_mb) for s in samples]),
        "service_most": max(s.service_mb for s in samples) / samples[0].service_mb,
        "cores_used_by_others": by_others / samples[-1].seconds,
        "errors_logged": log.count(b'"level":"error"') + log.count(b"Traceback"),
        "log_mb": len(log) / 1e6,
        "postgres_log_mb": (_log_size(database) - postgres_log) / 1e6,
    }


def _done(future: Future[Any], seconds: float) -> bool:
    return bool(wait([future], seconds).done)


def _log_size(database: Database) -> int:
    return sum(file.stat().st_size for file in database.directory.glob("data/**/*.log*"))


def rise(samples: Sequence[tuple[float, float]]) -> float:
    """By how much a straight line through the last two thirds rises, from end to end."""
    late = samples[len(samples) // 3 :]
    slope = linear_regression(*zip(*late, strict=True)).slope
    return slope * (late[-1][0] - late[0][0])


def missed(result: dict[str, Any], p99_ms: float) -> Iterator[str]:
    good = result["good"]
    if good["p99_ms"] >= p99_ms:
        yield f"p99 {good['p99_ms']:.0f} ms"
    yield from (f"{count} × {what}" for what, count in good["failures"].items())
    for who in ("service", "postgres"):
        if result[f"{who}_rise_mb"] > GOAL_RISE_MB:
            yield f"{who} memory rises by {result[f'{who}_rise_mb']:.0f} MB"
    if result["service_most"] > GOAL_MOST:
        yield f"service memory {result['service_most']:.1f} times that of the start"
    if errors := result["errors_logged"]:
        yield f"{errors} errors logged"
    if failures := _got(result)["500"]:
        yield f"{failures} × 500 to the hostile client"


def _got(result: dict[str, Any]) -> Counter[str]:
    return sum(map(Counter, result["hostile"].values()), Counter())


COLUMNS = (
    *("beside", "calls", "failed", "p50 ms", "p99 ms", "max ms", "log-in p50 ms"),
    *("sent late p99 ms", "others' cores", "service MB", "PostgreSQL MB", "files"),
    "the hostile client got",
)


def row(name: str, result: dict[str, Any]) -> list[str]:
    good = result["good"]
    samples = [Sample(*sample) for sample in result["samples"]]
    first, last = samples[0], samples[-2]
    got = ", ".join(f"{count:,} × {what}" for what, count in _got(result).most_common())
    return [
        name,
        f"{good['calls']:,}",
        str(sum(good["failures"].values())),
        *(f"{good[which]:,.1f}" for which in ("p50_ms", "p99_ms", "max_ms")),
        f"{good['log_in_p50_ms']:,.0f}",
        f"{good['late_p99_ms']:,.1f}",
        f"{result['cores_used_by_others']:.1f}",
        f"{first.service_mb:.0f} → {last.service_mb:.0f}",
        f"{first.postgres_mb:.0f} → {last.postgres_mb:.0f}",
        f"{first.files} → {max(s.files for s in samples)} → {samples[-1].files}",
        got,
    ]


def write_table(page: Path, found: dict[str, Any]) -> None:
    """Put what was found in the place of the table that the page has."""
    rows = [COLUMNS, ["---"] * len(COLUMNS), *(row(*kind) for kind in found["kinds"].items())]
    table = "".join(f"| {' | '.join(cells)} |\n" for cells in rows)
    said = f"{found['machine']}; {found['seconds']:.0f} s each, {found['together']:.0f} s together.\n\n"
    text = page.read_text()
    before, _, rest = text.partition(START)
    _, _, after = rest.partition(END)
    page.write_text(f"{before}{START}{said}{table}{END}{after}")


def main() -> None:
    every = list(kinds(DATA.idle_users()))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30, help="for each kind alone")
    parser.add_argument("--together", type=float, default=600, help="seconds for all of them")
    parser.add_argument("--only", nargs="+", choices=[NOBODY, *every, TOGETHER])
    parser.add_argument("--p99", type=float, default=GOAL_P99_MS, help="goal, in ms")
    parser.add_argument("--json", type=Path, default=Path("build/bench-hostile.json"))
    parser.add_argument("--table", type=Path, help="measure nothing; write the last figures there")
    options = parser.parse_args()
    if options.table:
        write_table(options.table, json.loads(options.json.read_text()))
        return

    print(description())
    results: dict[str, Any] = {}
    with filled(DATA) as database:
        for number, name in enumerate([NOBODY, *every, TOGETHER]):
            if name not in (options.only or [name]):
                continue
            names = {NOBODY: [], TOGETHER: every}.get(name, [name])
            seconds = options.together if name == TOGETHER else options.seconds
            result = measured(database, number, names, seconds)
            result["missed"] = list(missed(result, options.p99))
            results[name] = result
            cells = zip(COLUMNS[1:], row(name, result)[1:], strict=True)
            print(f"{name}\n  ", "; ".join(f"{column} {cell}" for column, cell in cells))
            print("   missed:", "; ".join(result["missed"]) or "nothing", flush=True)
    found = {"seconds": options.seconds, "together": options.together, "kinds": results}
    each = [f"{name}: {what}" for name, result in results.items() for what in result["missed"]]
    conclude(options.json, found, each)


if __name__ == "__main__":
    main()

"""`make bench`: what every call costs the service, and what it costs the ceiling, in one run."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from bench.calls import reads, waiting_for, writes
from bench.data import Data
from bench.machine import description
from bench.sides import Cost, filled

GOAL = {"read": 1.25, "write": 1.4}


@dataclass(frozen=True)
class Side:
    """Medians of one side's rounds."""

    requests_per_second: float
    p50_ms: float
    p99_ms: float
    server_us: float
    postgres_us: float

    @classmethod
    def of(cls, costs: Sequence[Cost]) -> "Side":
        return cls(
            median(c.load.per_second for c in costs),
            median(c.load.p50_ms for c in costs),
            median(c.load.p99_ms for c in costs),
            median(c.server_us for c in costs),
            median(c.postgres_us for c in costs),
        )

    def __str__(self) -> str:
        return (
            f"{self.requests_per_second:7,.0f} {self.p50_ms:7.2f} {self.p99_ms:7.2f}"
            f" {self.server_us:7.0f} {self.postgres_us:7.0f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--referrals", type=int, default=110_000)
    parser.add_argument("--json", type=Path, default=Path("build/bench.json"))
    parser.add_argument(
        "--only", nargs="+", default=[""], help="calls with one of these in the name"
    )
    options = parser.parse_args()

    print(description())
    data = Data(
        options.referrals,
        influencer=options.referrals // 11,
        waiting_for_rewards=waiting_for(2 * options.seconds * (options.rounds + 1)),
    )
    results = {}
    with filled(data) as database, database.service() as service, database.ceiling() as ceiling:
        head = f"{'req/s':>7} {'p50 ms':>7} {'p99 ms':>7} {'cpu µs':>7} {'pg µs':>7}"
        print(f"{'':26} {'service':^39}   {'ceiling':^39}\n{'':26} {head}   {head}   ratio  goal")
        for kind, calls in (("read", reads(data)), ("write", writes(data))):
            for name, loading in calls.items():
                if not any(part in name for part in options.only):
                    continue
                rounds = [
                    [
                        database.cost(server, loading(address=server.api, seconds=seconds))
                        for server in (service, ceiling)
                    ]
                    for seconds in [
                        options.seconds / 2,
                        *[options.seconds] * options.rounds,
                    ]  # a warm-up first
                ]
                ours, theirs = (Side.of(costs) for costs in zip(*rounds[1:], strict=True))
                ratio = ours.server_us / theirs.server_us
                print(f"{name:26} {ours}   {theirs}   {ratio:5.2f}  {GOAL[kind]:.2f}", flush=True)
                results[name] = {
                    "service": asdict(ours),
                    "ceiling": asdict(theirs),
                    "cpu_ratio": ratio,
                    "goal": GOAL[kind],
                }
    options.json.parent.mkdir(exist_ok=True)
    options.json.write_text(json.dumps({"machine": description(), "calls": results}, indent=2))


if __name__ == "__main__":
    main()

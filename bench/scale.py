"""`make bench-scale`: what calls cost with a thousand, a hundred thousand and ten million referrals, and as many rewards."""

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import pygal  # type: ignore[import-untyped]
from pygal.style import CleanStyle  # type: ignore[import-untyped]

from bench.calls import reads, waiting_for, writes
from bench.data import Data
from bench.machine import description
from bench.sides import filled

GOAL = 1.2
WRITES = ("enrol a participant", "event without a referral", "event that rewards both")
IDLE = 10_000  # so many that few of them have more than one event, which the next one looks at


@dataclass(frozen=True)
class Point:
    """Medians of the rounds at one size; CPU time per request, the service's and PostgreSQL's together."""

    requests_per_second: float
    p50_ms: float
    cpu_us: float
    postgres_us: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10**3, 10**5, 10**7])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--plot", type=Path, default=Path("docs/scale.svg"))
    parser.add_argument("--json", type=Path, default=Path("build/bench-scale.json"))
    options = parser.parse_args()

    print(description())
    results: dict[str, list[Point]] = {}
    for size in options.sizes:
        data = Data(
            referrals=size,
            influencer=size // 10,
            idle=IDLE,
            waiting_for_rewards=waiting_for(options.seconds * (options.rounds + 1)),
        )
        changes = writes(data)
        calls = reads(data) | {name: changes[name] for name in WRITES}
        with filled(data) as database, database.service() as service:
            # One call after the other in each round: what disturbs the machine disturbs all of them alike.
            rounds = [
                {
                    name: database.cost(service, loading(address=service.api, seconds=seconds))
                    for name, loading in calls.items()
                }
                for seconds in [
                    options.seconds,
                    *[options.seconds] * options.rounds,
                ]  # a warm-up first
            ]
            for name in rounds[0]:
                costs = [costs_of[name] for costs_of in rounds[1:]]
                point = Point(
                    median(c.load.per_second for c in costs),
                    median(c.load.p50_ms for c in costs),
                    median(c.server_us + c.postgres_us for c in costs),
                    median(c.postgres_us for c in costs),
                )
                results.setdefault(name, []).append(point)
                print(
                    f"{size:10,} {name:26} {point.requests_per_second:7,.0f} req/s"
                    f" {point.p50_ms:6.2f} ms {point.cpu_us:6.0f} µs, of which PostgreSQL {point.postgres_us:4.0f}"
                    f"   ratio {point.cpu_us / results[name][0].cpu_us:5.2f}, goal {GOAL}",
                    flush=True,
                )
    plot(options.sizes, results, options.plot)
    options.json.parent.mkdir(exist_ok=True)
    options.json.write_text(
        json.dumps(
            {
                "machine": description(),
                "referrals": options.sizes,
                "calls": {name: [asdict(p) for p in points] for name, points in results.items()},
            },
            indent=2,
        )
    )


def plot(sizes: list[int], results: dict[str, list[Point]], file: Path) -> None:
    chart = pygal.Line(
        title="CPU time per request, service and PostgreSQL together",
        x_title="referrals",
        y_title="µs",
        range=(0, 100 * -(-max(p.cpu_us for points in results.values() for p in points) // 100)),
        style=CleanStyle,
        legend_at_bottom=True,
        js=[],
        disable_xml_declaration=True,
    )
    chart.x_labels = [f"{size:,}" for size in sizes]
    for name, points in results.items():
        chart.add(name, [round(point.cpu_us) for point in points])
    file.write_text(chart.render(is_unicode=True) + "\n")


if __name__ == "__main__":
    main()

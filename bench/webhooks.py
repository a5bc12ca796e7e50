"""`make bench-webhooks`: how fast messages go out, how late beside bad endpoints, and what they cost those who write."""

import asyncio
import math
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import asyncpg

from bench.calls import Measured, writes
from bench.data import API_KEY, Data
from bench.goals import conclude
from bench.load import connected
from bench.machine import description
from bench.receiver import Receiver, receiving
from bench.sides import Cost, Database, filled
from servers import Server, eventually

RATE_GOAL = 500  # messages a second from one worker to one endpoint
COST_GOAL = 1.3
DELAY_GOAL = 1.0  # seconds
BESIDE = 200  # messages a second
HEARD = ["participant.*", "code.*", "referral.*"]
QUALIFIES = "event that qualifies"  # of which each takes another person
WRITES = ("enrol a participant", "issue, retire", QUALIFIES)
LOCAL = {"webhook_private_networks": "on"}

# Delivered long ago, and not to be swept today.
_ROWS = """
    INSERT INTO webhook_deliveries (endpoint_id, message_id, type, body, created_at, status, attempts,
                                    last_attempt_at, last_status, last_answer, expires_at)
    SELECT ('01900000-0000-7002-8000-' || lpad(to_hex(n % 10), 12, '0'))::uuid,
           ('01900000-0000-7003-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
           'code.issued', repeat('x', 300), now(), 'delivered', 1, now(), 204, '', now() + interval '30 days'
    FROM generate_series($1::bigint, $2::bigint) AS n
"""
_PENDING = """
    INSERT INTO webhook_deliveries (endpoint_id, message_id, type, body, created_at, next_attempt_at)
    SELECT $1, gen_random_uuid(), 'code.issued', $2, now(), to_timestamp(0) FROM generate_series(1, $3::bigint)
"""
_BODY = '{"type":"code.issued","timestamp":"2026-01-01T00:00:00Z","data":{"code":"%s"}}' % (
    "x" * 200
)


Costs = dict[str, dict[str, list[Cost]]]


def run(url: str, statement: str, *values: object) -> list[Any]:
    async def do() -> list[Any]:
        connection = await asyncpg.connect(url)
        try:
            return list(await connection.fetch(statement, *values, timeout=1800))
        finally:
            await connection.close()

    return asyncio.run(do())


@contextmanager
def listening(server: Server, *addresses: str) -> Iterator[list[str]]:
    """Endpoints there, with their ids; what begins in the block is heard by each."""
    with server.client() as client:
        client.headers["Authorization"] = f"Bearer {API_KEY}"
        made = [
            client.post("/webhooks", json={"url": url, "events": HEARD})
            .raise_for_status()
            .json()["id"]
            for url in addresses
        ]
        time.sleep(1)
        try:
            yield made
        finally:
            for endpoint in made:
                client.delete(f"/webhooks/{endpoint}")
            time.sleep(1)


def rate(database: Database, receiver: Receiver, messages: int) -> float:
    """Messages a second from one worker to one endpoint that takes them at once."""
    with (
        database.service(**LOCAL) as server,
        listening(server, f"{receiver.address}/good") as [endpoint],
    ):
        before = receiver.count()
        run(database.url, _PENDING, endpoint, _BODY, messages)
        eventually(lambda: receiver.count() >= before + messages, 120)
        times = [at for at, _ in receiver.good()[before:]]
    return (len(times) - 1) / (times[-1] - times[0])


def cost_of_writes(
    database: Database,
    players: dict[str, Measured],
    sides: dict[str, str | None],
    options: Namespace,
) -> Costs:
    """What writes cost, by the side's name and theirs, with an endpoint at its address that hears of them, or without any.

    Rounds alternate between the sides, so that what disturbs the machine disturbs all of them alike.
    """
    costs: Costs = {side: {name: [] for name in WRITES} for side in sides}
    with database.service(**LOCAL) as server:

        def cost(name: str) -> Cost:
            load = players[name](address=server.api, seconds=options.seconds)
            return database.cost(server, load)

        for name in WRITES:
            cost(name)  # to warm up
        for _ in range(options.rounds):
            for side, address in sides.items():
                with listening(server, *filter(None, [address])):
                    for name in WRITES:
                        costs[side][name].append(cost(name))
    return costs


def tell(costs: Costs) -> dict[str, float]:
    """Print what writes cost beside those that nobody hears of; give the ratio of those that are heard, by name."""
    for name in WRITES:
        for side, of_side in costs.items():
            found, load = microseconds(of_side[name]), [cost.load for cost in of_side[name]]
            ratio = found / microseconds(costs["nobody hears"][name])
            print(
                f"{name:20} {side:15} {median(it.per_second for it in load):6,.0f}/s"
                f" p50 {median(it.p50_ms for it in load):6.2f} ms {found:6,.0f} µs {ratio:5.2f}",
                flush=True,
            )
    return {
        name: microseconds(costs["heard"][name]) / microseconds(costs["nobody hears"][name])
        for name in WRITES
    }


def microseconds(costs: list[Cost]) -> float:
    return median(cost.server_us + cost.postgres_us for cost in costs)


def beside(
    database: Database, receiver: Receiver, seconds: float
) -> tuple[list[float], list[float]]:
    """How late messages arrive at a good endpoint beside one that hangs, one that fails and one that is slow.

    And how long the calls take that write them, which the same machine delays.
    """
    places = [f"{receiver.address}/{name}" for name in ("hangs", "broken", "slow", "good")]
    with database.service(**LOCAL) as server, listening(server, *places):
        known = receiver.count()
        calls = asyncio.run(_enrol(server, seconds))
        eventually(lambda: receiver.count() >= known + len(calls), 30)
        return [late for _, late in receiver.good()[known:]], calls


async def _enrol(server: Server, seconds: float) -> list[float]:
    """Enrol so many participants a second, each when it is due; how long each call takes."""
    from uuid import uuid4

    count = math.ceil(BESIDE * seconds)
    taken: list[float] = []
    async with connected(server.api, 16, taken) as calls:
        free: asyncio.Queue[Any] = asyncio.Queue()
        for call in calls:
            free.put_nowait(call)

        async def one() -> None:
            call = await free.get()
            status, _ = await call("PUT", f"/participants/{uuid4().hex}", API_KEY, b"{}")
            assert status == 201, status
            free.put_nowait(call)

        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for n in range(count):
                await asyncio.sleep(began + n / BESIDE - time.perf_counter())
                group.create_task(one())
    return taken


def add_rows(url: str, rows: int) -> None:
    share = 500_000
    for first in range(0, rows, share):
        run(url, _ROWS, first, min(first + share, rows) - 1)
    # What loading has left to do is no cost of the writes that follow.
    run(url, "VACUUM ANALYZE webhook_deliveries")
    run(url, "CHECKPOINT")


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--beside", type=float, default=30, help="seconds")
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--referrals", type=int, default=300_000)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--no-goals", action="store_true")
    parser.add_argument("--json", type=Path, default=Path("build/bench-webhooks.json"))
    options = parser.parse_args()
    data = Data(referrals=options.referrals, influencer=options.referrals // 10)
    missed: list[str] = []

    def goal(name: str, found: float, met: Callable[[float], bool]) -> None:
        if not met(found) and not options.no_goals:
            missed.append(f"{name}: {found:.2f}")

    print(description())
    with filled(data) as database, receiving() as receiver:
        rates = [rate(database, receiver, options.messages) for _ in range(options.rounds)]
        print(f"one worker to one endpoint: {median(rates):,.0f} messages/s", flush=True)
        goal("messages a second", median(rates), lambda found: found >= RATE_GOAL)

        late, calls = beside(database, receiver, options.beside)
        delays = {"messages": late, "the calls": calls}
        for what, these in delays.items():
            cuts = quantiles(these, n=100)
            print(
                f"beside bad endpoints at {BESIDE}/s, {what}: p50 {cuts[49]:.3f} s,"
                f" p99 {cuts[98]:.3f} s, most {max(these):.3f} s",
                flush=True,
            )
        goal("delay in seconds", max(late), lambda found: found < DELAY_GOAL)

        sides: dict[str, str | None] = {
            "nobody hears": None,
            "heard": f"{receiver.address}/hangs",
            "heard and sent": f"{receiver.address}/good",
        }
        qualify = writes(data)[QUALIFIES]
        few = cost_of_writes(database, {**writes(data), QUALIFIES: qualify}, sides, options)
        for name, ratio in tell(few).items():
            goal(f"{name}, heard", ratio, lambda found: found <= COST_GOAL)
        del sides["heard and sent"]
        add_rows(database.url, options.rows)
        print(f"with {options.rows:,} messages that were delivered:", flush=True)
        many = cost_of_writes(database, {**writes(data), QUALIFIES: qualify}, sides, options)
        for name, ratio in tell(many).items():
            goal(f"{name}, heard beside many", ratio, lambda found: found <= COST_GOAL)
    results = {
        "messages_per_second": rates,
        "delays_s": {
            what: [*quantiles(these, n=100), max(these)] for what, these in delays.items()
        },
        "writes": {
            size: {
                side: {name: [asdict(cost) for cost in these] for name, these in of_side.items()}
                for side, of_side in costs.items()
            }
            for size, costs in (("few", few), ("many", many))
        },
    }
    conclude(options.json, results, missed)


if __name__ == "__main__":
    main()

"""Events that are told again, out of order and with mistakes, while everything is killed: each counts once.

Meanwhile rewards are held, approved and paid.
"""

import asyncio
import os
import random
import signal
import time
from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest

from clusters import one_node
from databases import query
from long_form import IS_LONG
from operators import make_keys, operate
from people import FAR
from referral.adapters.postgres.migrate import migrate
from servers import killed_and_started, start, wait_until_ready
from writers import CLIENTS, Wire

EVENTS, KILLS = (20_000, 30) if IS_LONG else (1_000, 3)
KILLED = ("a worker", "the service", "the database")
OF_EACH = 20  # events
LEAST, COUNT = 1000, 2
THANKS, WELCOME, SHARE = 1000, 500, 700
EUR = {"unit": "EUR"}
TERMS = {
    "qualification": {"event": "purchase", "count": COUNT, "min_amount": LEAST, **EUR},
    "rewards": [
        {"rule": "thanks", "to": "referrer", "amount": THANKS, **EUR},
        {"rule": "welcome", "to": "referee", "amount": WELCOME, **EUR},
        {"rule": "share", "to": "referrer", "basis_points": SHARE, **EUR},
    ],
}
REFERRER = "rose"

pytestmark = pytest.mark.anyio


async def test_events_of_eight_clients_through_kills_are_neither_lost_nor_doubled_and_qualify_as_a_model_says(
    tmp_path, capsys
):
    began, chance = time.monotonic(), random.Random(1)
    with one_node() as node:
        migrate(node.url)
        referees = await asyncio.to_thread(operate, node.url, refer_many)
        key = (
            await asyncio.to_thread(make_keys, node.url, shop=["events:write", "rewards:write"])
        )["shop"]
        server = start(tmp_path, node.url, workers=2)
        try:
            wait_until_ready(server)
            clients = Clients(server.address, key.bearer, deque(deliveries(referees, chance)))
            share = len(clients.waiting) // (KILLS + 1)
            async with asyncio.TaskGroup() as group:
                deliveries_end = group.create_task(clients.deliver())
                cashier = Cashier(clients, chance)
                group.create_task(cashier.work_until(deliveries_end))
                for kill in range(1, KILLS + 1):
                    await clients.until_settled(kill * share)
                    match KILLED[kill % len(KILLED)]:
                        case "a worker":
                            os.kill(chance.choice(server.workers), signal.SIGKILL)
                        case "the service":
                            server = killed_and_started(server, workers=2)
                        case _:
                            await asyncio.to_thread(node.kill)
                            await asyncio.to_thread(node.start)
        finally:
            server.process.terminate()
            server.process.wait(20)

        told = f"{clients.statuses}, {KILLS} kills, {cashier.payouts} payouts, {time.monotonic() - began:.0f} s"
        with capsys.disabled():
            print(f"\n{told}")
        assert stored(node.url) == clients.acknowledged
        assert qualified(node.url) == model(clients.acknowledged)
        found, balances = await asyncio.to_thread(operate, node.url, look_at)
        assert found == []
        assert cashier.payouts > 0
        assert balances == worth(clients.acknowledged)
    assert 0 < len(model(clients.acknowledged)) < len(referees)


def model(events):
    """Who qualifies, and when: the time of the second purchase of which enough is left."""
    refunded = Counter()
    for event in events.values():
        if event["type"] == "refund":
            refunded[event["of"]] += event["amount"]
    times = defaultdict(list)
    for name, event in events.items():
        if event["type"] == "purchase" and event["amount"] - refunded[name] >= LEAST:
            times[event["participant"]].append(event["occurred_at"])
    return {who: sorted(at)[COUNT - 1] for who, at in times.items() if len(at) >= COUNT}


def worth(events):
    """What each participant has, is paid and owes, in sum: what the terms give for what is left of the purchases."""
    refunded = Counter()
    for event in events.values():
        if event["type"] == "refund":
            refunded[event["of"]] += event["amount"]
    has = Counter()
    who_qualifies = model(events)
    for who in who_qualifies:
        has[who] += WELCOME
        has[REFERRER] += THANKS
    for name, event in events.items():
        amount = event["amount"]
        if (
            event["type"] == "purchase"
            and amount >= LEAST
            and event["participant"] in who_qualifies
        ):
            has[REFERRER] += amount * SHARE // 10_000 * (amount - refunded[name]) // amount
    return +has


async def look_at(referral):
    """What is wrong with the ledger, and what each participant's accounts come to."""
    found = [
        str(difference)
        async for verified in referral.rewards.verify_ledger()
        for difference in verified.differences
    ]
    has = Counter()
    for name in (REFERRER, *(f"customer-{number}" for number in range(EVENTS // OF_EACH))):
        for balance in await referral.rewards.show_balance(participant=name):
            has[name] += balance.pending + balance.available + balance.paid - balance.recoverable
    return found, +has


@dataclass
class Cashier:
    """Pays the referrer, asks for each payout twice, and holds rewards for a while."""

    clients: "Clients"
    chance: random.Random
    payouts: int = 0

    async def work_until(self, end):
        wire = Wire("127.0.0.1", urlsplit(self.clients.address).port)
        held = None
        while not end.done():
            payout = {"participant": REFERRER, "reference": f"payout-{self.payouts}", **EUR}
            for _ in range(2):
                status = await self._call(wire, "POST", "/payouts", payout)
                self.payouts += status == 201
            listed = await self._call(wire, "GET", f"/rewards?participant={REFERRER}", None)
            if held:
                await self._call(wire, "POST", f"/rewards/{held}/approve", {})
            rewards = listed["items"] if isinstance(listed, dict) else []
            waiting = [r["id"] for r in rewards if r["status"] == "approved" and r["amount"] > 0]
            held = self.chance.choice(waiting) if waiting else None
            if held:
                await self._call(wire, "POST", f"/rewards/{held}/hold", {"reason": "Wait."})
            await asyncio.sleep(0.1)
        wire.close()

    async def _call(self, wire, method, path, body):
        """The status, or what is listed; None where nothing came."""
        try:
            status, answer = await wire.call(method, path, body, **self.clients.bearer)
        except OSError:
            await asyncio.sleep(0.05)
            return None
        assert status in {200, 201, 409, 503}, answer
        return answer if method == "GET" and status == 200 else status


async def refer_many(referral):
    """People whom one person brought, who have to buy something twice for rewards."""
    await referral.programs.create_program(slug="launch", name="Launch", terms=TERMS)
    await referral.programs.change_program(slug="launch", status="active")
    await referral.accounts.enrol_participant(external_id=REFERRER)
    code = await referral.programs.issue_participant_code(
        participant=REFERRER, expires_at=FAR, program="launch"
    )
    names = [f"customer-{number}" for number in range(EVENTS // OF_EACH)]
    for name in names:
        await referral.accounts.enrol_participant(external_id=name)
        await referral.programs.refer_participant(code=code.text.value, participant=name)
    return names


def deliveries(referees, chance):
    """Events, of which some are told several times, and some with another amount; all in an order of no meaning."""
    now = datetime.now(UTC).replace(microsecond=0)
    events = []
    for number in range(EVENTS):
        event = {
            "id": f"event-{number}",
            "type": chance.choice(("purchase", "visit")),
            "participant": chance.choice(referees),
            "amount": chance.randrange(LEAST // 2, 2 * LEAST),
            "unit": "EUR",
            "occurred_at": (now + timedelta(seconds=chance.randrange(200))).isoformat(),
        }
        if number % 5 == 4:
            refunded = chance.choice(events[-OF_EACH:])
            if refunded["type"] != "refund":
                event |= {"type": "refund", "of": refunded["id"]}
                event["participant"] = refunded["participant"]
                event["amount"] = chance.randrange(1, 2 * refunded["amount"])
        events.append(event)
    told = [event for event in events for _ in range(chance.choice((1, 1, 2, 3)))]
    told += [
        {**event, "amount": event["amount"] + 1} for event in chance.sample(events, EVENTS // 20)
    ]
    chance.shuffle(told)
    return told


@dataclass
class Clients:
    """They tell of each event until they know what came of it; a refund of what is not known yet waits its turn again."""

    address: str
    bearer: dict[str, str]
    waiting: deque
    statuses: Counter = field(default_factory=Counter)
    acknowledged: dict = field(default_factory=dict)
    answers: dict = field(default_factory=dict)
    settled: int = 0
    progress: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def deliver(self):
        await asyncio.gather(*(self._client() for _ in range(CLIENTS)))

    async def until_settled(self, number):
        async with self.progress:
            await self.progress.wait_for(lambda: self.settled >= number)

    async def _client(self):
        wire = Wire("127.0.0.1", urlsplit(self.address).port)
        while self.waiting:
            event = self.waiting.popleft()
            status, answer = await self._answer(wire, event)
            if status == 404:
                self.waiting.append(event)
                await asyncio.sleep(0.005)
                continue
            async with self.progress:
                self.settled += 1
                self.progress.notify()
            if status == 422:
                continue
            kept = self.acknowledged.setdefault(event["id"], event)
            assert (kept, self.answers.setdefault(event["id"], answer)) == (event, answer)
        wire.close()

    async def _answer(self, wire, event):
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                status, answer = await wire.call("POST", "/events", event, **self.bearer)
            except OSError:
                self.statuses["no answer"] += 1
            else:
                self.statuses[status] += 1
                if status in {200, 201, 404, 422}:
                    return status, answer
                assert status == 503, answer
            await asyncio.sleep(0.02)
        raise AssertionError(f"no answer any more: {self.statuses}")


def stored(url):
    """The events in the database, as they were told."""
    rows = query(
        url,
        "SELECT events.id, type, external_id, amount, unit, occurred_at, refund_of"
        " FROM events JOIN users ON users.id = participant_id",
    )
    names = ("id", "type", "participant", "amount", "unit", "occurred_at", "of")
    events = [dict(zip(names, row, strict=True)) for row in rows]
    return {
        event["id"]: {
            name: value.isoformat() if name == "occurred_at" else value
            for name, value in event.items()
            if value is not None
        }
        for event in events
    }


def qualified(url):
    rows = query(
        url,
        "SELECT external_id, qualified_at FROM referrals JOIN users ON users.id = referee_id"
        " WHERE status = 'qualified'",
    )
    return {who: at.isoformat() for who, at in rows}

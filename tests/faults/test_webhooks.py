"""Messages to a webhook endpoint while everything is killed: each exists exactly when what it tells of was committed.

People are enrolled by eight clients of the service, of which some calls are refused, and by scripts, which undo half of what they do.
"""

import asyncio
import json
import os
import random
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

import pytest

from clusters import one_node
from databases import execute, query
from long_form import IS_LONG
from operators import make_keys, operate
from receivers import receiving
from referral.adapters.postgres.migrate import migrate
from referral.application.transaction import UnitOfWork
from referral.domain.errors import Busy
from referral.entrypoints.bootstrap.container import open_use_cases
from referral.entrypoints.bootstrap.settings import Settings
from servers import SECRET, eventually, killed_and_started, start, wait_until_ready
from writers import CLIENTS, Wire

WRITES, KILLS = (10_000, 30) if IS_LONG else (400, 3)
KILLED = ("a worker", "the database", "the service")
FATES = {"told": 6, "refused": 1, "by a script": 1, "undone": 1}  # of so many each
TAKEN = "taken"

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("uncounted")]


@pytest.fixture
def node():
    with one_node() as node:
        migrate(node.url)
        yield node


async def test_messages_exist_exactly_when_what_they_tell_was_committed_and_each_is_delivered(
    node, tmp_path, capsys
):
    began, chance = time.monotonic(), random.Random(1)
    with receiving() as receiver:
        await asyncio.to_thread(listen, node.url, f"{receiver.address}/good")
        keys = await asyncio.to_thread(make_keys, node.url, shop=["participants:write"])
        server = start(tmp_path, node.url, workers=2, webhook_private_networks="on")
        try:
            wait_until_ready(server)
            people = People(server.address, keys["shop"].bearer, chance)
            share = WRITES // (KILLS + 1)
            async with scripts(node.url) as (script, undoing), asyncio.TaskGroup() as group:
                for _ in range(CLIENTS):
                    group.create_task(people.come(script, undoing))
                for kill in range(1, KILLS + 1):
                    await people.until_settled(kill * share)
                    match KILLED[kill % len(KILLED)]:
                        case "a worker":
                            os.kill(chance.choice(server.workers), signal.SIGKILL)
                        case "the service":
                            settings = {"workers": 2, "webhook_private_networks": "on"}
                            server = killed_and_started(server, **settings)
                        case _:
                            await asyncio.to_thread(node.kill)
                            await asyncio.to_thread(node.start)
                    await asyncio.to_thread(lanes_end, node.url)
            lanes_end(node.url)
            waiting = "SELECT 1 FROM webhook_deliveries WHERE status <> 'delivered'"
            await asyncio.to_thread(eventually, lambda: not query(node.url, waiting), 60)
        finally:
            server.process.terminate()
            server.process.wait(20)

        assert differences(node.url) == []
        enrolled = stored(node.url)
        assert people.told <= enrolled
        assert not people.untold & enrolled
        ids = {}
        for arrival in receiver.at("/good"):
            ids.setdefault(arrival.told["data"]["external_id"], set()).add(arrival.id)
        assert ids.keys() == enrolled
        assert {len(of_one) for of_one in ids.values()} == {1}
        again = len(receiver.at("/good")) - len(ids)
    told = f"{people.statuses}, {len(ids)} messages, {again} of them again, {KILLS} kills"
    with capsys.disabled():
        print(f"\n{told}, {time.monotonic() - began:.0f} s")


async def test_a_message_that_is_written_outside_of_the_transaction_is_found(node):
    await asyncio.to_thread(listen, node.url, "https://shop.example.org/hooks")
    async with scripts(node.url) as (script, undoing):
        await script(external_id="told")
        with suppress(Undone):
            await undoing(external_id="untold")
        assert differences(node.url) == []

        with suppress(Undone):
            await replace(script, unit_of_work=Leaking(script.unit_of_work))(external_id="false")
        assert differences(node.url) == ["false is told of and was not enrolled"]
        await replace(script, unit_of_work=Losing(script.unit_of_work))(external_id="missing")
    assert differences(node.url) == [
        "false is told of and was not enrolled",
        "missing was enrolled and is told of 0 times",
    ]


def differences(url: str) -> list[str]:
    """What is wrong with the messages, held against who is enrolled."""
    bodies = query(url, "SELECT body FROM webhook_deliveries WHERE type = 'participant.created'")
    told = Counter(json.loads(str(body))["data"]["external_id"] for (body,) in bodies)
    enrolled = stored(url)
    false = [f"{name} is told of and was not enrolled" for name in sorted({*told} - enrolled)]
    return false + [
        f"{name} was enrolled and is told of {told[name]} times"
        for name in sorted(enrolled)
        if told[name] != 1
    ]


def stored(url: str) -> set[Any]:
    names = query(url, f"SELECT external_id FROM users WHERE external_id <> '{TAKEN}'")
    return {name for (name,) in names}


def listen(url: str, address: str) -> None:
    """Make an endpoint that hears of who is enrolled from now on, and somebody who has the name that is taken."""

    async def make(use: Any) -> None:
        await use.accounts.enrol_participant(external_id=TAKEN, username=TAKEN)
        create = use.webhooks.create_endpoint
        lenient = replace(create, rules=replace(create.rules, private_networks=True))
        await lenient(url=address, events=["participant.created"])

    operate(url, make)


def lanes_end(url: str) -> None:
    """A minute passes for the lanes of those that were killed, which they cannot end themselves."""
    execute(url, "UPDATE webhook_endpoints SET lane_until = lane_until - interval '1 minute'")


class Undone(Exception):
    """It was undone at its end."""


@dataclass(frozen=True)
class Undoing:
    """Units of work that are undone at their ends."""

    unit_of_work: UnitOfWork

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Any]:
        async with self.unit_of_work.begin() as tx:
            yield tx
            raise Undone


@dataclass(frozen=True)
class Leaking:
    """Units of work that are undone, with an outbox that is not."""

    unit_of_work: UnitOfWork

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Any]:
        async with self.unit_of_work.begin() as other:
            with suppress(Undone):
                async with Undoing(self.unit_of_work).begin() as tx:
                    tx.outbox = other.outbox
                    yield tx
        raise Undone


@dataclass(frozen=True)
class Losing:
    """Units of work with an outbox that is undone."""

    unit_of_work: UnitOfWork

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Any]:
        async with self.unit_of_work.begin() as tx:
            with suppress(Undone):
                async with Undoing(self.unit_of_work).begin() as other:
                    tx.outbox = other.outbox
                    yield tx


@asynccontextmanager
async def scripts(url: str) -> AsyncIterator[tuple[Any, Any]]:
    """Scripts that enrol: one whose work stays, and one whose work is undone."""
    settings = Settings(database_url=url, secret=SECRET)
    async with open_use_cases(settings) as use:
        enrol = use.accounts.enrol_participant
        yield enrol, replace(enrol, unit_of_work=Undoing(enrol.unit_of_work))


@dataclass
class People:
    """They are enrolled one after the other, each until it is known whether it was done."""

    address: str
    bearer: dict[str, str]
    chance: random.Random
    statuses: Counter[str] = field(default_factory=Counter)
    told: set[str] = field(default_factory=set)
    untold: set[str] = field(default_factory=set)
    begun: int = 0
    settled: int = 0
    progress: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def until_settled(self, number: int) -> None:
        async with self.progress:
            await self.progress.wait_for(lambda: self.settled >= number)

    async def come(self, script: Any, undoing: Any) -> None:
        wire = Wire("127.0.0.1", urlsplit(self.address).port or 0)
        while self.begun < WRITES:
            self.begun += 1
            [fate] = self.chance.choices([*FATES], [*FATES.values()])
            name = f"{fate.replace(' ', '-')}-{self.begun}"
            match fate:
                case "told" | "refused":
                    body = {"username": TAKEN} if fate == "refused" else {}
                    is_there = await self._call(wire, name, body)
                case "by a script":
                    is_there = await self._run(script, name)
                case _:
                    is_there = await self._run(undoing, name)
            (self.told if is_there else self.untold).add(name)
            async with self.progress:
                self.settled += 1
                self.progress.notify()
        wire.close()

    async def _call(self, wire: Wire, name: str, body: dict[str, str]) -> bool:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                status, answer = await wire.call(
                    "PUT", f"/participants/{name}", body, **self.bearer
                )
            except OSError:
                self.statuses["no answer"] += 1
            else:
                self.statuses[str(status)] += 1
                if status in {200, 201, 409}:
                    return status != 409
                assert status == 503, answer
            await asyncio.sleep(0.02)
        raise AssertionError(f"no answer any more: {self.statuses}")

    async def _run(self, enrol: Any, name: str) -> bool:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                await enrol(external_id=name)
            except Undone:
                self.statuses["undone"] += 1
                return False
            except Busy as refusal:
                self.statuses[type(refusal).__name__] += 1
                await asyncio.sleep(0.02)
            else:
                self.statuses["by a script"] += 1
                return True
        raise AssertionError(f"no answer any more: {self.statuses}")

"""A long run in which everything is killed again and again: `make faults`."""

import asyncio
import os
import random
import signal

import pytest

from clusters import pair_of_nodes
from long_form import only_in_the_long_form
from referral.adapters.postgres.migrate import migrate
from servers import killed_and_started, start, wait_until_ready
from writers import writing

WRITES = 100_000
FAULTS = {"a worker": 25, "the service": 10, "the database": 15, "fail-over": 20}
BETWEEN = 2000  # writes, of which a call may do two

pytestmark = [pytest.mark.anyio, only_in_the_long_form]


async def test_100000_writes_through_50_kills_and_20_fail_overs_are_neither_lost_nor_doubled(
    tmp_path, capsys
):
    chance = random.Random(1)
    faults = chance.sample([*FAULTS], counts=FAULTS.values(), k=sum(FAULTS.values()))
    with pair_of_nodes(synchronous=True) as pair:
        migrate(pair.primary.url)
        server = start(tmp_path, pair.url, workers=2)
        try:
            wait_until_ready(server)
            async with writing(server.address, tmp_path) as writers:
                for fault in faults:
                    await writers.acknowledged(BETWEEN)
                    match fault:
                        case "a worker":
                            os.kill(chance.choice(server.workers), signal.SIGKILL)
                        case "the service":
                            server = killed_and_started(server, workers=2)
                        case "the database":
                            await asyncio.to_thread(pair.primary.kill)
                            await asyncio.to_thread(pair.primary.start)
                        case _:
                            await asyncio.to_thread(pair.fail_over)
                            await writers.acknowledged(1)
                            await asyncio.to_thread(pair.replicate)
                while writers.done < WRITES:
                    await writers.acknowledged(BETWEEN)
        finally:
            server.process.terminate()
            server.process.wait(20)

        found = writers.ledger.faults(pair.primary.url)
        told = f"{writers.done} calls done; {dict(writers.ledger.counts)}, {dict(writers.statuses)}"
        with capsys.disabled():
            print(f"\n{told}\n{len(found)} faults")
        assert found == []

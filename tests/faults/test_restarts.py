"""The database stops, is killed, and starts again while clients write."""

import asyncio

import pytest

from clusters import one_node
from long_form import REPEATS
from referral.adapters.postgres.migrate import migrate
from servers import running
from writers import writing

POOL = 2  # so few that a place which is lost is missed

pytestmark = pytest.mark.anyio


@pytest.fixture
def node():
    with one_node() as node:
        migrate(node.url)
        yield node


async def test_f04_a_fast_restart_loses_nothing_and_fails_one_call_of_a_connection_at_most(
    node, tmp_path
):
    with running(tmp_path, node.url, workers=2, pool_size=POOL) as server:
        async with writing(server.address, tmp_path) as writers:
            for _ in range(REPEATS):
                await asyncio.to_thread(node.stop)
                await asyncio.to_thread(node.start)
                failed = writers.failed
                assert await writers.acknowledged(1) < 5
                await writers.acknowledged(100)
                assert writers.failed - failed <= 2 * POOL

    assert writers.ledger.faults(node.url) == []


async def test_f05_a_database_that_is_killed_while_clients_write_loses_nothing(node, tmp_path):
    with running(tmp_path, node.url, workers=2, pool_size=POOL) as server:
        async with writing(server.address, tmp_path) as writers:
            for _ in range(REPEATS):
                await asyncio.to_thread(node.kill)
                await asyncio.to_thread(node.start)
                assert await writers.acknowledged(1) < 5
                await writers.acknowledged(100)

    assert writers.ledger.faults(node.url) == []


async def test_f05_what_a_database_did_not_keep_when_it_was_killed_is_reported_as_lost(
    node, tmp_path
):
    node.configure(synchronous_commit="off", wal_writer_delay="10s")
    with running(tmp_path, node.url, workers=2, pool_size=POOL) as server:
        async with writing(server.address, tmp_path, keys=False) as writers:
            await asyncio.to_thread(node.kill)
            await asyncio.to_thread(node.start)

    faults = writers.ledger.faults(node.url)

    assert [fault for fault in faults if fault.startswith("lost: ")]

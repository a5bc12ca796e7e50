"""A backup and the archive of what was written after it (point-in-time recovery), restored elsewhere."""

import asyncio
from contextlib import closing

import pytest

from clusters import Node, one_node, place
from databases import query
from ledger import Ledger, Outcome
from referral.adapters.postgres.migrate import migrate
from servers import running
from writers import Writers, writing

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("again")]


async def mark(primary: Node, writers: Writers, point: str) -> dict[str, Outcome]:
    """Give this point of the log a name; what clients had been told by then of what may be in the log."""
    told = dict(writers.ledger.outcomes)
    await asyncio.to_thread(query, primary.url, f"SELECT pg_create_restore_point('{point}')")
    return {write: told.get(write, "sent") for write in writers.ledger.outcomes}


def archive_all(primary: Node) -> None:
    [(file,)] = query(primary.url, "SELECT pg_walfile_name(pg_switch_wal())")
    primary.wait_for(f"SELECT last_archived_wal = '{file}' FROM pg_stat_archiver")


def faults_of(restored: Node, outcomes: dict[str, Outcome], directory) -> list[str]:
    with closing(Ledger(directory / "ledger-of-the-point", outcomes)) as ledger:
        return ledger.faults(restored.url)


async def test_f29_a_backup_and_the_archive_bring_back_what_was_acknowledged_and_less_is_reported(
    tmp_path,
):
    with place() as archive, place() as elsewhere:
        restored, earlier = Node(elsewhere), Node(elsewhere)
        with one_node(archive_mode="on", archive_command=f"cp %p {archive}/%f") as primary:
            migrate(primary.url)
            with running(tmp_path, primary.url, workers=2) as server:
                async with writing(server.address, tmp_path) as writers:
                    for node in (restored, earlier):
                        await asyncio.to_thread(node.back_up, primary)
                    await mark(primary, writers, "earlier")
                    await writers.acknowledged(200)
                    outcomes = await mark(primary, writers, "the point")
                    await writers.acknowledged(200)
            archive_all(primary)

        restored.recover(archive, "the point")
        try:
            assert faults_of(restored, outcomes, tmp_path) == []
        finally:
            restored.stop()
        earlier.recover(archive, "earlier")
        try:
            faults = faults_of(earlier, outcomes, tmp_path)
        finally:
            earlier.stop()
        assert [fault for fault in faults if fault.startswith("lost: user:")]

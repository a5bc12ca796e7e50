"""What the workers count together, whatever becomes of them and of the disk."""

import os
import re
import signal

import pytest

from disks import fill, small_disk
from servers import Server, eventually, running, start, wait_until_ready


@pytest.fixture
def database(databases):
    with databases.migrated() as url:
        yield url


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """A disk for temporary files, with little room on it."""
    with small_disk(tmp_path / "small", "64k") as disk:
        monkeypatch.setenv("TMPDIR", str(disk))
        yield disk


def counted(server: Server, route: str) -> int:
    metrics = server.get("/metrics").text
    series = rf'(?m)^referral_requests_total{{method="GET",route="{route}",status="200"}} (.*)$'
    found = re.search(series, metrics)
    return int(float(found[1])) if found else 0


def call(server: Server, times: int) -> None:
    """Call over a connection for each call: the kernel hands them out to the workers."""
    for _ in range(times):
        assert server.get("/health/live").status_code == 200


def test_what_a_killed_worker_has_counted_stays_counted(database, tmp_path):
    with running(tmp_path, database, workers=2) as server:
        call(server, 20)
        # A call is counted when it has been answered.
        eventually(lambda: counted(server, "/health/live") == 20)
        victims = {*server.workers}
        for worker in victims:
            os.kill(worker, signal.SIGKILL)
        eventually(lambda: len({*server.workers} - victims) == 2)
        wait_until_ready(server)
        call(server, 20)

        eventually(lambda: counted(server, "/health/live") == 40)
        assert {counted(server, "/health/live") for _ in range(10)} == {40}


def test_workers_serve_and_count_when_the_disk_is_full(database, tmp_path, temporary):
    with running(tmp_path, database, workers=2) as server:
        workers = server.workers
        fill(temporary)

        call(server, 20)
        assert counted(server, "/health/live") == 20
        assert server.workers == workers


def test_a_killed_service_leaves_no_files_behind(database, tmp_path, monkeypatch):
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setenv("TMPDIR", str(place))
    server = start(tmp_path, database, workers=2)
    wait_until_ready(server)
    call(server, 10)

    server.process.kill()
    server.process.wait()

    assert [*place.iterdir()] == []

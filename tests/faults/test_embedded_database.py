"""The service on its embedded database, whose processes are killed under it."""

import os
import signal
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from databases import query
from people import details
from servers import is_ready, running, start, wait_until_ready


@pytest.fixture
def data_dir():
    """A short path: that of a socket has to be."""
    with tempfile.TemporaryDirectory(prefix="referral-") as directory:
        yield Path(directory) / "data"


def processes_of(data_dir: Path) -> list[int]:
    """The server and its supervisor."""
    server = int((data_dir / "postgres/postmaster.pid").read_text().split()[0])
    return [server, int(Path(f"/proc/{server}/stat").read_text().rsplit(")", 1)[1].split()[1])]


def registrations(server, acknowledged: list[str], enough: threading.Event) -> None:
    """Register one after the other, and keep a list of the names that were answered with 201."""
    with server.client() as client:
        while not enough.is_set():
            body = details()
            try:
                answer = client.post("/auth/user", json=body)
            except httpx.TransportError:
                continue
            assert answer.status_code in {201, 503}, answer.text
            if answer.status_code == 201:
                acknowledged.append(body["username"])


@pytest.mark.parametrize("victims", [[0], [1], [0, 1]], ids=["server", "supervisor", "both"])
def test_f05_a_killed_embedded_database_comes_back_and_nothing_acknowledged_is_lost(
    data_dir, tmp_path, victims
):
    acknowledged: list[str] = []
    enough = threading.Event()
    with running(tmp_path, "", data_dir=data_dir) as server:
        threads = [
            threading.Thread(target=registrations, args=[server, acknowledged, enough], daemon=True)
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for _ in range(3):
            wait_for_more_than(len(acknowledged) + 20, acknowledged)
            processes = processes_of(data_dir)

            for victim in victims:
                os.kill(processes[victim], signal.SIGKILL)

            wait_until_gone(processes[0])
            wait_until_ready(server)
        wait_for_more_than(len(acknowledged) + 20, acknowledged)
        enough.set()
        for thread in threads:
            thread.join()

        url = f"postgresql://postgres@/referral?host={quote(str(data_dir / 'postgres'), safe='')}"
        stored = {name for (name,) in query(url, "SELECT username FROM users")}
    assert set(acknowledged) <= stored


def wait_for_more_than(number: int, acknowledged: list[str]) -> None:
    deadline = time.monotonic() + 30
    while len(acknowledged) <= number:
        assert time.monotonic() < deadline, "nothing is acknowledged any more"
        time.sleep(0.01)


def wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}/stat").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_f05_a_service_whose_embedded_database_cannot_be_started_again_ends_with_a_line(
    data_dir, tmp_path
):
    server = start(tmp_path, "", data_dir=data_dir)
    wait_until_ready(server)
    (data_dir / "postgres/global/pg_control").write_bytes(b"")

    os.kill(processes_of(data_dir)[0], signal.SIGKILL)

    assert server.process.wait(30) == 1
    assert not is_ready(server.address)
    [line] = [line for line in server.log.read_text().splitlines() if "embedded PostgreSQL" in line]
    assert "ended and cannot be started again" in line
    assert "control" in line

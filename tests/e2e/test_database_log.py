"""What callers make PostgreSQL write into its log: nothing."""

import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from people import details, join
from servers import running


@pytest.fixture
def data_dir():
    """A short path: that of a socket has to be."""
    with tempfile.TemporaryDirectory(prefix="referral-") as directory:
        yield Path(directory) / "data"


def test_2000_conflicts_leave_the_log_of_the_database_as_it_was(data_dir, tmp_path):
    log = data_dir / "postgres.log"
    with running(tmp_path, "", data_dir=data_dir) as server, server.client() as client:
        ann, bob = join(client), join(client)
        code = ann.new_code(code="CANARY-CODE")
        before = log.read_text()

        conflicts = [lambda: ann.issue(code="CANARY-2"), lambda: bob.issue(code=code)] * 1000
        with ThreadPoolExecutor(4) as threads:
            statuses = {answer.status_code for answer in threads.map(lambda c: c(), conflicts)}
            # Those that race pass the look at what is taken, and meet in the database.
            racing = [{**details("racer"), "email": f"r{n}@example.org"} for n in range(8)]
            statuses |= {
                answer.status_code
                for answer in threads.map(lambda d: client.post("/auth/user", json=d), racing)
            }

        assert statuses == {409, 201}
        assert log.read_text() == before
    assert "CANARY" not in log.read_text().upper()

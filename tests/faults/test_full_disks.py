"""A disk of the database's is full: reads go on, nothing acknowledged is lost, and room is all that it needs."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from clusters import DATABASE, Node, place
from databases import execute, query
from disks import fill, small_disk
from people import details, join
from referral.adapters.postgres.migrate import migrate
from servers import eventually, is_ready, running

ENOUGH = 3000  # registrations need more room than the pages that there are have left


@contextmanager
def a_node(*options: object, **settings: str) -> Iterator[tuple[Node, Path]]:
    """A server, and a small disk that it may write to; `{disk}` in the options is its place."""
    with place() as directory, small_disk(directory / "small", "24m") as disk:
        node = Node(directory, settings=settings)
        os.chown(disk, node.account.uid, node.account.gid)
        node.initialise(*(str(option).format(disk=disk) for option in options))
        try:
            yield node, disk
        finally:
            if (node.data / "postmaster.pid").exists():
                node.stop("immediate")


def until_refused(client: httpx.Client) -> tuple[list[str], str]:
    """Register one after the other: who was, and who was the first to be refused."""
    registered = []
    for _ in range(ENOUGH):
        body = {**details(), "password": "Q123werty!23"}
        answer = client.post("/auth/user", json=body)
        if answer.status_code != 201:
            assert answer.status_code == 503, answer.text
            return registered, body["username"]
        registered.append(body["username"])
    pytest.fail("nobody was refused")


def names(node: Node) -> set[object]:
    return {name for (name,) in query(node.url, "SELECT username FROM users")}


@pytest.fixture
def data():
    """A server with its database on a small disk, and the disk."""
    with a_node() as (node, disk):
        execute(
            node.url.replace(f"/{DATABASE}", "/postgres"),
            f"CREATE TABLESPACE small LOCATION '{disk}'",
            f"DROP DATABASE {DATABASE}",
            f"CREATE DATABASE {DATABASE} TABLESPACE small",
        )
        migrate(node.url)
        yield node, disk


def test_f15_on_a_full_data_disk_writes_are_refused_reads_go_on_and_room_heals_it(data, tmp_path):
    node, disk = data
    with running(tmp_path, node.url) as server, server.client() as client:
        ann = join(client)
        filling = fill(disk)

        registered, refused = until_refused(client)

        problem = client.post("/auth/user", json=details(refused)).json()
        assert problem["type"] == "/problems/database-unavailable"
        for path in ("/users/me", f"/users/{ann.id}", "/codes"):
            assert ann.get(path).status_code == 200
        assert is_ready(server.address)

        filling.unlink()
        assert client.post("/auth/user", json=details(refused)).status_code == 201

    assert names(node) == {ann.username, *registered, refused}


@pytest.fixture
def wal():
    """A server with its write-ahead log on a small disk, in segments of a megabyte that are not used again, and the disk."""
    options = ("-X", "{disk}/wal", "--wal-segsize", "1")
    settings = {"min_wal_size": "2MB", "max_wal_size": "4MB", "wal_recycle": "off"}
    with a_node(*options, **settings) as (node, disk):
        migrate(node.url)
        yield node, disk


def test_f15_on_a_full_disk_of_the_write_ahead_log_the_database_ends_and_loses_nothing(
    wal, tmp_path
):
    node, disk = wal
    with running(tmp_path, node.url) as server, server.client() as client:
        ann = join(client)
        # Until the end of the test no checkpoint makes room again.
        for step in ("ALTER SYSTEM SET max_wal_size = '1GB'", "SELECT pg_reload_conf()"):
            query(node.url, step)
        query(node.url, "CHECKPOINT")
        filling = fill(disk)

        registered, refused = until_refused(client)

        eventually(lambda: not (node.data / "postmaster.pid").exists(), seconds=30)
        assert "PANIC" in node.log.read_text()
        answer = ann.get("/users/me")
        assert answer.status_code == 503
        assert answer.json()["type"] == "/problems/database-unavailable"
        assert client.get(f"{server.address}/health/live").status_code == 200

        filling.unlink()
        node.start()
        eventually(lambda: is_ready(server.address), seconds=5)
        join(client)

    stored = names(node)
    assert {ann.username, *registered} <= stored
    assert len(stored - {refused}) == len(registered) + 2

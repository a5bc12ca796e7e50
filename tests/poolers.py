"""PgBouncer, pooling transactions before a PostgreSQL server."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from clusters import DATABASE, Node, place
from databases import query
from servers import free_port

# Several, of different versions, can be given, with colons in between.
PROGRAMS = [
    program
    for given in os.environ.get("REFERRAL_TEST_PGBOUNCER", "pgbouncer").split(os.pathsep)
    if (program := shutil.which(given, path=f"{os.environ.get('PATH', '')}:/usr/sbin"))
] or [pytest.param("", marks=pytest.mark.skip(reason="PgBouncer is not installed"))]


@contextmanager
def pooler_before(node: Node, program: str, **settings: object) -> Iterator[str]:
    """The URL of a PgBouncer with three connections to the node, each of which serves many clients in turn."""
    port = free_port()
    options = {
        "listen_addr": "127.0.0.1",
        "listen_port": port,
        "unix_socket_dir": "",
        "auth_type": "any",
        "pool_mode": "transaction",
        "default_pool_size": 3,
        "server_login_retry": 1,
        **settings,
    }
    lines = [
        "[databases]",
        f"{DATABASE} = host=127.0.0.1 port={node.port} user=postgres",
        "[pgbouncer]",
        *(f"{name} = {value}" for name, value in options.items()),
    ]
    with place() as directory:
        file = directory / "pgbouncer.ini"
        file.write_text("\n".join(lines))
        url = f"postgresql://postgres@127.0.0.1:{port}/{DATABASE}"
        with (
            (directory / "log").open("w") as log,
            subprocess.Popen(
                [program, file], stdout=log, stderr=log, **node.account.popen
            ) as pooler,
        ):
            try:
                _wait_for(url)
                yield url
            finally:
                pooler.kill()


def _wait_for(url: str, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            query(url, "SELECT 1")
        except OSError:
            assert time.monotonic() < deadline, "PgBouncer does not start"
            time.sleep(0.02)
        else:
            return

"""PostgreSQL servers that a test can stop, kill, freeze and promote: one alone, or a primary with a standby."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from databases import execute, query
from referral.adapters.embedded_postgres.programs import programs_for, server_account
from servers import free_port

DATABASE = "referral"
NAME = "other"  # as which a standby speaks to its primary


@dataclass
class Node:
    """One PostgreSQL server, on loopback, with a data directory of its own."""

    directory: Path
    port: int = field(default_factory=free_port)
    settings: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.account = server_account()
        self.programs = programs_for(None, self.account)
        self.data = self.directory / f"node-{self.port}"
        self.log = self.directory / f"node-{self.port}.log"

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{DATABASE}"

    @property
    def process_id(self) -> int:
        return int((self.data / "postmaster.pid").read_text().split()[0])

    @property
    def processes(self) -> list[int]:
        server = self.process_id
        children = Path(f"/proc/{server}/task/{server}/children").read_text().split()
        return [server, *map(int, children)]

    def initialise(self, *options: object) -> None:
        making = ("-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
        self._run("initdb", "-D", self.data, *making, *options)
        self.start()
        execute(self.url.replace(f"/{DATABASE}", "/postgres"), f"CREATE DATABASE {DATABASE}")

    def start(self) -> None:
        """Start it, and come back when it takes connections."""
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": "200",
            "wal_level": "replica",
            "hot_standby": "on",
            "wal_log_hints": "on",
            "shared_buffers": "64MB",
            "log_line_prefix": "%p %e ",  # the connection's process and the SQLSTATE
            **self.settings,
        }
        options = " ".join(f"-c {name}='{value}'" for name, value in settings.items())
        self._run(
            *("pg_ctl", "-D", self.data, "-l", self.log, "-o", options, "-w", "-t", "60", "start")
        )

    def stop(self, mode: str = "fast") -> None:
        self._run("pg_ctl", "-D", self.data, "-m", mode, "-w", "stop")

    def send(self, which: signal.Signals) -> list[int]:
        processes = self.processes
        for process in processes:
            with suppress(ProcessLookupError):  # those that serve one task end by themselves
                os.kill(process, which)
        return processes

    def kill(self) -> None:
        """As when the machine loses its power: all of it is gone at once."""
        processes = self.send(signal.SIGKILL)
        deadline = time.monotonic() + 10
        while any(_is_there(process) for process in processes):
            assert time.monotonic() < deadline, "it does not die"
            time.sleep(0.005)
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def configure(self, **settings: str) -> None:
        """Change settings of the running server."""
        for name, value in settings.items():
            execute(self.url, f"ALTER SYSTEM SET {name} = '{value}'")
        execute(self.url, "SELECT pg_reload_conf()")

    def back_up(self, primary: "Node", *options: str) -> None:
        """Take a new copy of this primary's data."""
        shutil.rmtree(self.data, ignore_errors=True)
        source = f"host=127.0.0.1 port={primary.port} user=postgres application_name={NAME}"
        copying = ("-D", self.data, "-d", source, "-X", "stream", "-c", "fast", "--no-sync")
        self._run("pg_basebackup", *copying, *options)

    def follow(self, primary: "Node") -> None:
        """Become a standby of this primary, with a new copy of its data."""
        self.back_up(primary, "-R")
        self.start()

    def recover(self, archive: Path, point: str) -> None:
        """Start the copy with what was archived since, up to the point of this name; it takes writes then."""
        (self.data / "recovery.signal").touch()
        self.settings |= {
            "restore_command": f"cp {archive}/%f %p",
            "recovery_target_name": point,
            "recovery_target_action": "promote",
        }
        self.start()
        self.wait_for("SELECT NOT pg_is_in_recovery()")

    def promote(self) -> None:
        """Make a primary of a standby; it takes writes when this returns."""
        self._run("pg_ctl", "-D", self.data, "-w", "promote")

    def wait_for(self, question: str, seconds: float = 30) -> None:
        """Wait until the answer to this SQL question is true."""
        deadline = time.monotonic() + seconds
        while query(self.url, question) != [(True,)]:
            assert time.monotonic() < deadline, question
            time.sleep(0.02)

    def _run(self, program: str, *arguments: object) -> None:
        done = subprocess.run(
            [self.programs / program, *map(str, arguments)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            cwd="/",
            check=False,
            timeout=120,
            **self.account.popen,
        )
        assert done.returncode == 0, (program, done.stderr.decode())


def _is_there(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@contextmanager
def place() -> Iterator[Path]:
    """A directory that the account of the servers may use, no matter who runs the tests."""
    directory = Path(tempfile.mkdtemp(prefix="referral-nodes-"))
    account = server_account()
    os.chown(directory, account.uid, account.gid)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def one_node(**settings: str) -> Iterator[Node]:
    """A server with an empty database."""
    with place() as directory:
        node = Node(directory, settings=settings)
        node.initialise()
        try:
            yield node
        finally:
            _end([node])


@dataclass
class Pair:
    """A primary and its standby, which change places at a fail-over."""

    primary: Node
    standby: Node
    synchronous: bool

    @property
    def url(self) -> str:
        """Of whichever takes writes; the two are always named in the same order."""
        ports = sorted([self.primary.port, self.standby.port])
        hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
        return f"postgresql://postgres@{hosts}/{DATABASE}?target_session_attrs=read-write"

    def replicate(self) -> None:
        """Have the standby follow the primary; a synchronous one has to answer before a commit is acknowledged."""
        self.primary.configure(synchronous_standby_names="")
        self.standby.follow(self.primary)
        self.primary.wait_for(
            f"SELECT count(*) = 1 FROM pg_stat_replication WHERE application_name = '{NAME}'"
            " AND state = 'streaming'"
        )
        if self.synchronous:
            self.primary.configure(synchronous_standby_names=NAME)
            self.primary.wait_for(
                f"SELECT bool_or(sync_state = 'sync') FROM pg_stat_replication"
                f" WHERE application_name = '{NAME}'"
            )

    def fail_over(self) -> None:
        """Kill the primary, promote the standby, and let it take writes alone."""
        self.primary.kill()
        self.standby.promote()
        self.primary, self.standby = self.standby, self.primary
        self.primary.configure(synchronous_standby_names="")

    def switch_over(self) -> None:
        """Promote the standby while the primary runs on, on which nothing can be written any more."""
        self.primary.configure(default_transaction_read_only="on")
        self.standby.promote()
        self.primary, self.standby = self.standby, self.primary
        self.primary.configure(synchronous_standby_names="")


@contextmanager
def pair_of_nodes(*, synchronous: bool) -> Iterator[Pair]:
    """A primary with an empty database, and a standby that follows it."""
    with place() as directory:
        pair = Pair(Node(directory), Node(directory), synchronous)
        try:
            pair.primary.initialise()
            pair.replicate()
            yield pair
        finally:
            _end([pair.standby, pair.primary])


def _end(nodes: Sequence[Node]) -> None:
    for node in nodes:
        if (node.data / "postmaster.pid").exists():
            node.stop("immediate")

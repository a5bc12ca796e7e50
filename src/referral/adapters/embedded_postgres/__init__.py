"""The default database: a PostgreSQL of the service's own, that runs for as long as someone uses it.

Each user holds a shared lock on `postgres.users`. A small process, the supervisor, starts the server and then
waits for that lock alone: the kernel grants it when the last user is gone, killed ones included, and the
supervisor shuts the server down. Supervisor and server hold `postgres.running` between them: while that lock
is taken there is a server to join, or one that is about to be gone. A user that finds the lock free, at first
or later, starts supervisor and server: so they come back when they were killed.
"""

import fcntl
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from urllib.parse import quote

from referral.adapters.embedded_postgres import supervisor as supervisor_program
from referral.adapters.embedded_postgres.cluster import (
    DATABASE,
    SOCKET,
    SUPERUSER,
    cause_of,
    ensure_cluster,
    socket_dir,
)
from referral.adapters.embedded_postgres.programs import (
    EmbeddedPostgresError,
    programs_for,
    server_account,
)
from referral.adapters.embedded_postgres.supervisor import environment, open_private

__all__ = ["EmbeddedPostgresError", "embedded_postgres"]

START_SECONDS = 60
STOP_SECONDS = 10
WATCH_SECONDS = 0.2
PAUSES_BETWEEN_STARTS = (0.1, 0.3, 0.9)  # seconds; after the last, the server is given up


@contextmanager
def embedded_postgres(
    data_dir: Path, bin_dir: Path | None = None, when_lost: Callable[[], None] = lambda: None
) -> Iterator[str]:
    """Yield the superuser's URL of the PostgreSQL in `data_dir`: started if nobody uses it yet, shared if someone does.

    It has a database called `referral`, is reached through a Unix socket by this system user alone, and
    stops when its last user dies, or leaves: that one waits for it. `bin_dir` is where `initdb` and `postgres`
    are; by default the embedded-postgres package, else the newest that the system has.

    A server that ends before is started again. When that fails, `when_lost` is called, in a thread, and the
    block's end raises EmbeddedPostgresError, as its beginning does when there is no server to be had.
    """
    data_dir = data_dir.resolve()
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        users = open_private(data_dir / "postgres.users")
    except OSError as error:
        raise _unusable(data_dir, error) from error
    with users:
        try:
            fcntl.flock(users, fcntl.LOCK_SH)  # waits for a server that is just shutting down
            use = _Use(data_dir, bin_dir)
            use.join_or_start()
        except OSError as error:
            raise _unusable(data_dir, error) from error
        watch = threading.Thread(target=use.restart_until_left, args=[when_lost], daemon=True)
        watch.start()
        try:
            yield use.url
        finally:
            use.left.set()
            watch.join()
            _leave(users, data_dir)
    if use.lost is not None:
        raise EmbeddedPostgresError(
            f"The embedded PostgreSQL ended and cannot be started again: {cause_of(use.lost)}"
        )


def _unusable(data_dir: Path, error: OSError) -> EmbeddedPostgresError:
    return EmbeddedPostgresError(f"No database can be kept in {data_dir}: {error}")


def _leave(users: IO[bytes], data_dir: Path) -> None:
    """Release the lock on `users`; when it was the last one, wait until the server is gone."""
    others = not _try_lock(users, fcntl.LOCK_EX) and _try_lock(users, fcntl.LOCK_SH)
    users.close()
    deadline = time.monotonic() + STOP_SECONDS
    with open_private(data_dir / "postgres.running") as running:
        while not others and not _try_lock(running, fcntl.LOCK_SH) and time.monotonic() < deadline:
            time.sleep(0.01)


def _try_lock(file: IO[bytes], kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class _Use:
    """What one user knows of the server, and does for it."""

    def __init__(self, data_dir: Path, bin_dir: Path | None) -> None:
        self._data_dir = data_dir
        self._bin_dir = bin_dir
        self._account = server_account()
        self._sockets = socket_dir(data_dir / "postgres", self._account)
        self.left = threading.Event()
        self.lost: Exception | None = None

    @property
    def url(self) -> str:
        return f"postgresql://{SUPERUSER}@/{DATABASE}?host={quote(str(self._sockets), safe='')}"

    def restart_until_left(self, when_lost: Callable[[], None]) -> None:
        """Start the server again whenever it is gone; when it cannot be, say so and give up."""
        failures = 0
        while not self.left.wait(WATCH_SECONDS):
            with open_private(self._data_dir / "postgres.running") as running:
                if not _try_lock(running, fcntl.LOCK_EX):
                    continue
            try:
                self.join_or_start()
                failures = 0
            except (EmbeddedPostgresError, OSError) as error:
                if failures == len(PAUSES_BETWEEN_STARTS):
                    self.lost = error
                    when_lost()
                    return
                self.left.wait(PAUSES_BETWEEN_STARTS[failures])
                failures += 1

    def join_or_start(self) -> None:
        """Return when the server is ready, or its user has left."""
        ended: Future[bytes] | None = None
        deadline = time.monotonic() + START_SECONDS
        with open_private(self._data_dir / "postgres.running") as running:
            while time.monotonic() < deadline:
                if ended is None and _try_lock(running, fcntl.LOCK_EX):
                    ended = self._start(running)
                    running.close()
                elif self._is_ready() or self.left.is_set():
                    return
                elif ended is not None and ended.done():
                    said = ended.result().decode(errors="replace")
                    raise EmbeddedPostgresError(f"PostgreSQL did not start:\n{said}")
                time.sleep(0.01)
        raise EmbeddedPostgresError(f"PostgreSQL did not get ready in {START_SECONDS} s.")

    def _start(self, running: IO[bytes]) -> "Future[bytes]":
        """Start the supervisor; the result is what it says when it ends.

        The lock `running` is held, so no server is on the cluster now.
        """
        programs = programs_for(self._bin_dir, self._account)
        ensure_cluster(self._data_dir, programs, self._account)
        # That of a server that was killed.
        (self._data_dir / "postgres" / "postmaster.pid").unlink(missing_ok=True)
        command = [programs, self._data_dir, self._sockets, *self._account, running.fileno()]
        supervisor = subprocess.Popen(
            [sys.executable, "-I", "-S", supervisor_program.__file__, *map(str, command)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            pass_fds=[running.fileno()],
            env=environment(),
            start_new_session=True,  # Ctrl-C is for the service, which then leaves in order
        )
        ended: Future[bytes] = Future()
        # It ends with its last user, who may be another process: nobody here waits for it.
        threading.Thread(
            target=lambda: ended.set_result(supervisor.communicate()[1]), daemon=True
        ).start()
        return ended

    def _is_ready(self) -> bool:
        """Whether the server says so, where `pg_ctl --wait` looks: the eighth line of its pid file.

        The pid file of a server that was killed still says so; only one that lives listens, too.
        """
        try:
            pid_file = self._data_dir / "postgres" / "postmaster.pid"
            lines = pid_file.read_text().splitlines()
            if len(lines) < 8 or lines[7].strip() != "ready":  # noqa: PLR2004
                return False
            with socket.socket(socket.AF_UNIX) as visitor:
                visitor.connect(str(self._sockets / SOCKET))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        return True

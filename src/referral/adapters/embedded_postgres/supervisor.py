"""The supervisor: the parent of the embedded server. It writes the server's log, and stops it after its last user.

A program of its own, started by path, that needs nothing but the standard library.
"""

import ctypes
import fcntl
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, NamedTuple

LOG_BYTES = 1_000_000  # in postgres.log, and as much in postgres.log.1

_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "jit": "off",
    # What went wrong is logged, without the statement, its parameters and the rows it was about.
    "log_min_messages": "error",
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_parameter_max_length_on_error": "0",
    "log_checkpoints": "off",
    # After a kill, one call for all files, instead of one that waits for the disk for each of a thousand.
    **({"recovery_init_sync_method": "syncfs"} if sys.platform == "linux" else {}),
}


def environment() -> dict[str, str]:
    """What the processes of the database see of ours: not the secret, and no PGPORT that would change the server."""
    return {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}


class Account(NamedTuple):
    """The system user that the server runs as: PostgreSQL refuses to run as root."""

    uid: int
    gid: int

    @property
    def popen(self) -> dict[str, Any]:
        """How a program of PostgreSQL's is started."""
        if os.geteuid() != 0:
            return {"env": environment()}
        return {"env": environment(), "user": self.uid, "group": self.gid, "extra_groups": []}


def open_private(path: Path) -> IO[bytes]:
    """Open a file to append to, which only its owner can read, whatever its mode was."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.fchmod(descriptor, 0o600)
    return os.fdopen(descriptor, "ab", buffering=0)


@contextmanager
def as_seen_by_server(directory: Path) -> Iterator[tuple[str, list[int]]]:
    """A path to a directory that works even where one above it is closed to the server's account, as /root is.

    Linux follows /proc/self/fd/… straight to what is open, so root can hand down an open directory and no
    other has to be opened up.
    """
    if os.geteuid() != 0 or sys.platform != "linux":
        yield str(directory), []
        return
    file = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{file}", [file]
    finally:
        os.close(file)


def write_log(lines: IO[bytes], path: Path) -> list[bytes]:
    """Write lines to the end of a log that stays small, until there are no more; return the last ones."""
    last = deque[bytes](maxlen=12)
    log = open_private(path)
    while line := lines.readline(8192):
        if (
            b"FATAL:  the database system is " not in line
        ):  # said to each client that comes too early
            last.append(line)
        with suppress(OSError):  # a full disk must not hold up the server
            if log.tell() + len(line) > LOG_BYTES:
                path.replace(path.with_name(f"{path.name}.1"))
                full, log = log, open_private(path)
                full.close()
            log.write(line)
    log.close()
    return list(last)


def supervise(arguments: list[str]) -> int:
    """Run the server until nobody uses it; return its exit status, its last lines on standard error."""
    programs, data_dir, sockets, uid, gid, running = arguments
    cluster = Path(data_dir) / "postgres"
    supervisor = os.getpid()
    libc = ctypes.CDLL(None)

    def stop_when_the_supervisor_is_killed() -> None:
        if sys.platform == "linux":
            pr_set_pdeathsig = 1
            libc.prctl(pr_set_pdeathsig, signal.SIGINT)
            if os.getppid() != supervisor:
                os._exit(1)

    with as_seen_by_server(cluster) as (path, files):
        seen_sockets = path if Path(sockets) == cluster else sockets
        settings = {
            **_SETTINGS,
            "unix_socket_directories": seen_sockets,
            "unix_socket_permissions": "0700",
        }
        server = subprocess.Popen(
            [
                f"{programs}/postgres",
                "-D",
                path,
                *(f"--{name}={value}" for name, value in settings.items()),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=[*files, int(running)],
            preexec_fn=stop_when_the_supervisor_is_killed,  # noqa: PLW1509  no thread runs yet
            **Account(int(uid), int(gid)).popen,
        )

    def stop_after_the_last_user() -> None:
        with open_private(Path(data_dir) / "postgres.users") as users:
            fcntl.flock(users, fcntl.LOCK_EX)
            server.send_signal(signal.SIGINT)  # PostgreSQL's fast shutdown
            server.wait()

    threading.Thread(target=stop_after_the_last_user, daemon=True).start()
    assert server.stdout  # noqa: S101  it is a pipe
    last = write_log(server.stdout, Path(data_dir) / "postgres.log")
    with suppress(BrokenPipeError):
        os.write(sys.stderr.fileno(), b"".join(last))
    return server.wait()


if __name__ == "__main__":
    sys.exit(supervise(sys.argv[1:]))

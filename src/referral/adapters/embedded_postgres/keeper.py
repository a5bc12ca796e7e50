"""The keeper: the parent of the embedded server, and the one that stops it.

A program of its own, started by path, that needs nothing but the standard library.
"""

import ctypes
import fcntl
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

_SETTINGS = {"listen_addresses": "", "max_connections": "200", "timezone": "UTC", "jit": "off"}


class Account(NamedTuple):
    """Whom the server runs as: PostgreSQL refuses to run as root."""

    uid: int
    gid: int

    @property
    def popen(self) -> dict[str, Any]:
        return (
            {"user": self.uid, "group": self.gid, "extra_groups": []} if os.geteuid() == 0 else {}
        )


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


def keep(arguments: list[str]) -> int:
    """Run the server until nobody uses it any more; return its exit status."""
    programs, data_dir, sockets, uid, gid, running = arguments
    cluster = Path(data_dir) / "postgres"
    libc = ctypes.CDLL(None)

    def stop_when_the_keeper_is_killed() -> None:
        if sys.platform == "linux":
            pr_set_pdeathsig = 1
            libc.prctl(pr_set_pdeathsig, signal.SIGINT)

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
            pass_fds=[*files, int(running)],
            preexec_fn=stop_when_the_keeper_is_killed,  # noqa: PLW1509  no thread runs yet
            **Account(int(uid), int(gid)).popen,
        )

    def stop_after_the_last_user() -> None:
        with (Path(data_dir) / "postgres.users").open("a") as users:
            fcntl.flock(users, fcntl.LOCK_EX)
            server.send_signal(signal.SIGINT)  # PostgreSQL's fast shutdown
            server.wait()

    threading.Thread(target=stop_after_the_last_user, daemon=True).start()
    return server.wait()


if __name__ == "__main__":
    sys.exit(keep(sys.argv[1:]))

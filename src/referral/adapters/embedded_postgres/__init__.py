"""The default database: a PostgreSQL of one's own, that runs for as long as someone uses it.

Whoever uses it holds a shared lock on `postgres.users`. A small process of its own, the keeper, starts the
server and then waits for that lock alone: the kernel grants it when the last user is gone, killed ones
included, and the keeper shuts the server down. Keeper and server hold `postgres.running` between them: while
that lock is taken there is a server to join, or one that is about to be gone.
"""

import fcntl
import hashlib
import os
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

from referral.adapters.embedded_postgres import keeper as keeper_program
from referral.adapters.embedded_postgres.keeper import Account, as_seen_by_server
from referral.adapters.embedded_postgres.programs import (
    EmbeddedPostgresError,
    major_version,
    programs_for,
    server_account,
)

__all__ = ["EmbeddedPostgresError", "embedded_postgres"]

DATABASE = "referral"
SUPERUSER = "postgres"
START_SECONDS = 60
STOP_SECONDS = 10
BUILTIN_LOCALE_SINCE = 17
SOCKET = ".s.PGSQL.5432"
LONGEST_SOCKET_PATH = 100  # bytes; the kernel's own limit is 103 to 107


@contextmanager
def embedded_postgres(data_dir: Path, bin_dir: Path | None = None) -> Iterator[str]:
    """Yield the URL of the PostgreSQL in `data_dir`: started if nobody uses it yet, shared if someone does.

    It has a database called `referral`, is reached through a Unix socket by this system user alone, and
    stops when its last user dies, or leaves: that one waits for it. `bin_dir` is where `initdb` and `postgres`
    are; by default the embedded-postgres package, else the newest that the system has. Raises
    EmbeddedPostgresError.
    """
    data_dir = data_dir.resolve()
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        users = (data_dir / "postgres.users").open("a")
    except OSError as error:
        raise _unusable(data_dir, error) from error
    with users:
        try:
            fcntl.flock(users, fcntl.LOCK_SH)  # waits for a server that is just shutting down
            sockets = _join_or_start(data_dir, bin_dir)
        except OSError as error:
            raise _unusable(data_dir, error) from error
        try:
            yield f"postgresql://{SUPERUSER}@/{DATABASE}?host={quote(str(sockets), safe='')}"
        finally:
            _leave(users, data_dir)


def _leave(users: IO[str], data_dir: Path) -> None:
    """Give back the lock on `users`; when it was the last one, wait until the server is gone."""
    others = not _try_lock(users, fcntl.LOCK_EX) and _try_lock(users, fcntl.LOCK_SH)
    users.close()
    deadline = time.monotonic() + STOP_SECONDS
    with (data_dir / "postgres.running").open("a") as running:
        while not others and not _try_lock(running, fcntl.LOCK_SH) and time.monotonic() < deadline:
            time.sleep(0.01)


def _unusable(data_dir: Path, error: OSError) -> EmbeddedPostgresError:
    return EmbeddedPostgresError(f"No database can be kept in {data_dir}: {error}")


def _join_or_start(data_dir: Path, bin_dir: Path | None) -> Path:
    """Return the directory of the running server's socket."""
    account = server_account()
    cluster, log = data_dir / "postgres", data_dir / "postgres.log"
    sockets = _socket_dir(cluster, account)
    keeper = None
    deadline = time.monotonic() + START_SECONDS
    with (data_dir / "postgres.running").open("a") as running:
        while time.monotonic() < deadline:
            if keeper is None and _try_lock(running, fcntl.LOCK_EX):
                keeper = _start(
                    data_dir, programs_for(bin_dir, account), sockets, account, running.fileno()
                )
                running.close()
            elif _is_ready(cluster, sockets):
                if keeper is not None:  # it ends with its last user, who may be another process
                    threading.Thread(target=keeper.wait, daemon=True).start()
                return sockets
            elif keeper is not None and keeper.poll() is not None:
                tail = "".join(log.read_text(errors="replace").splitlines(keepends=True)[-12:])
                raise EmbeddedPostgresError(f"PostgreSQL did not start; {log} ends with:\n{tail}")
            time.sleep(0.01)
    raise EmbeddedPostgresError(f"PostgreSQL did not get ready in {START_SECONDS} s; see {log}.")


def _try_lock(file: IO[str], kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_ready(cluster: Path, sockets: Path) -> bool:
    """Whether the server says so, where `pg_ctl --wait` looks: the eighth line of its pid file.

    A server that was killed says so for ever; only one that lives listens, too.
    """
    try:
        lines = (cluster / "postmaster.pid").read_text().splitlines()
        if len(lines) < 8 or lines[7].strip() != "ready":  # noqa: PLR2004
            return False
        with socket.socket(socket.AF_UNIX) as visitor:
            visitor.connect(str(sockets / SOCKET))
    except (FileNotFoundError, ConnectionRefusedError):
        return False
    return True


def _start(
    data_dir: Path, programs: Path, sockets: Path, account: Account, running: int
) -> subprocess.Popen[bytes]:
    """Start the keeper; whoever calls holds the lock `running`, so no server is on the cluster now."""
    cluster = data_dir / "postgres"
    with (data_dir / "postgres.log").open("ab") as log:
        if not cluster.exists():
            _initialise(data_dir, programs, account, log.fileno())
        _ensure_same_version(cluster, programs)
        (cluster / "postmaster.pid").unlink(missing_ok=True)  # of a server that was killed
        command = [programs, data_dir, sockets, account.uid, account.gid, running]
        return subprocess.Popen(
            [sys.executable, "-I", "-S", keeper_program.__file__, *map(str, command)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=[running],
            start_new_session=True,  # Ctrl-C is for the service, which then leaves in order
        )


def _initialise(data_dir: Path, programs: Path, account: Account, log: int) -> None:
    """Make the cluster under another name first: one that a crash left half made is never used."""
    for leftover in data_dir.glob("postgres.new.*"):
        shutil.rmtree(leftover)
    draft = Path(tempfile.mkdtemp(prefix="postgres.new.", dir=data_dir))
    os.chown(draft, account.uid, account.gid)
    locale = (
        ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        if major_version(programs) >= BUILTIN_LOCALE_SINCE
        else []
    )
    with as_seen_by_server(draft) as (path, files):
        options: dict[str, Any] = {"stdout": log, "stderr": log, "pass_fds": files, **account.popen}
        made = subprocess.run(
            [
                programs / "initdb",
                "-D",
                path,
                "-U",
                SUPERUSER,
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--locale=C",
                *locale,
            ],
            stdin=subprocess.DEVNULL,
            check=False,
            **options,
        )
        if made.returncode == 0:
            made = subprocess.run(
                [programs / "postgres", "--single", "-D", path, "postgres"],
                input=f"CREATE DATABASE {DATABASE};\n".encode(),
                check=False,
                **options,
            )
    if made.returncode != 0:
        raise EmbeddedPostgresError(f"initdb failed; see {data_dir / 'postgres.log'}.")
    draft.rename(data_dir / "postgres")


def _ensure_same_version(cluster: Path, programs: Path) -> None:
    made_by = (cluster / "PG_VERSION").read_text().strip()
    if made_by != str(major_version(programs)):
        raise EmbeddedPostgresError(
            f"The data in {cluster} was made by PostgreSQL {made_by}, and {programs} is PostgreSQL"
            f" {major_version(programs)}. Point REFERRAL_PG_BIN at version {made_by}, or dump and restore."
        )


def _socket_dir(cluster: Path, account: Account) -> Path:
    """The cluster itself, or where its path is too long for a socket, a private directory named after it."""
    if len(os.fsencode(cluster / SOCKET)) <= LONGEST_SOCKET_PATH:
        return cluster
    name = hashlib.sha256(os.fsencode(cluster)).hexdigest()[:16]
    sockets = Path(tempfile.gettempdir()) / f"referral-{account.uid}-{name}"
    sockets.mkdir(mode=0o700, exist_ok=True)
    if os.geteuid() == 0 and sockets.lstat().st_uid == 0:
        os.chown(sockets, account.uid, account.gid)
    found = sockets.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != account.uid or found.st_mode & 0o077:
        raise EmbeddedPostgresError(
            f"{sockets} is not a private directory of this user; remove it."
        )
    return sockets

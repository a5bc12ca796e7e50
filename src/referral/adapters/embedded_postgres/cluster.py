"""The files of the embedded server: its cluster, and the directory of its socket."""

import hashlib
import os
import re
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from referral.adapters.embedded_postgres.programs import EmbeddedPostgresError, major_version
from referral.adapters.embedded_postgres.supervisor import Account, as_seen_by_server

DATABASE = "referral"
SUPERUSER = "postgres"
SOCKET = ".s.PGSQL.5432"
LONGEST_SOCKET_PATH = 100  # bytes; the kernel's own limit is 103 to 107
BUILTIN_LOCALE_SINCE = 17


def ensure_cluster(data_dir: Path, programs: Path, account: Account) -> None:
    """Make the cluster where there is none; raise EmbeddedPostgresError when another version made it."""
    cluster = data_dir / "postgres"
    if not cluster.exists():
        _initialise(data_dir, programs, account)
    made_by = (cluster / "PG_VERSION").read_text().strip()
    if made_by != str(major_version(programs)):
        raise EmbeddedPostgresError(
            f"The data in {cluster} was made by PostgreSQL {made_by}, and {programs} is PostgreSQL"
            f" {major_version(programs)}. Point REFERRAL_PG_BIN at version {made_by}, or dump and restore."
        )


def _initialise(data_dir: Path, programs: Path, account: Account) -> None:
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
        options: dict[str, Any] = {
            "stdout": subprocess.PIPE,
            "stderr": subprocess.STDOUT,
            "pass_fds": files,
            **account.popen,
        }
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
        shutil.rmtree(draft, ignore_errors=True)
        said = made.stdout.decode(errors="replace")
        raise EmbeddedPostgresError(f"No database can be made in {data_dir}:\n{said}")
    draft.rename(data_dir / "postgres")


def socket_dir(cluster: Path, account: Account) -> Path:
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


def cause_of(error: Exception) -> str:
    """The last of its lines that says why PostgreSQL ended, else its last line."""
    lines = str(error).splitlines()
    return next((line for line in reversed(lines) if re.search("FATAL|PANIC", line)), lines[-1])

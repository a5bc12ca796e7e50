"""What the service is made of: pinned, above the versions with known weaknesses, and without secrets."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[2]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))

# Versions below have a weakness that was published, or a fault that the service relies on being mended.
FLOORS = {
    "bcrypt": "5.0",
    "granian": "2.7.4",  # CVE-2026-42544, CVE-2026-42545
    "litestar": "2.22",  # CVE-2026-25479, CVE-2026-48061, GHSA-hm36-ffrh-c77c
    "pyjwt": "2.12",  # CVE-2026-32597
    "sqlalchemy": "2.0.37",
}


def locked(file: Path) -> dict[str, Version]:
    """By name, the version that a lock file pins."""
    pins = re.findall(r"^([\w.-]+)==([\w.+!-]+)", file.read_text(), re.MULTILINE)
    return {name: Version(version) for name, version in pins}


@pytest.mark.parametrize("file", LOCKS, ids=lambda file: file.name)
def test_l08_every_package_is_pinned_by_version_and_hash(file):
    entries = re.split(r"(?<!\\)\n", file.read_text().strip())

    for entry in entries:
        assert re.match(
            r"[\w.-]+(\[[\w,-]+\])?==\S+ (; [^\\]+)?(\\\s+--hash=sha256:[0-9a-f]{64}\s*)+$", entry
        ), entry


def test_l08_the_locks_of_what_is_installed_together_agree():
    together = [file for file in LOCKS if file.stem != "docs-assets"]
    versions: dict[str, set[Version]] = {}
    for file in together:
        for name, version in locked(file).items():
            versions.setdefault(name, set()).add(version)

    assert {name: found for name, found in versions.items() if len(found) > 1} == {}


@pytest.mark.parametrize("name", FLOORS)
def test_l08_no_version_with_a_known_weakness_is_locked_or_allowed(name):
    floor = Version(FLOORS[name])
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {r.name: r for r in map(Requirement, project["dependencies"])}

    assert locked(ROOT / "requirements" / "runtime.txt")[name] >= floor
    [lowest] = [Version(s.version) for s in wanted[name].specifier if s.operator in {">=", "=="}]
    assert lowest >= floor


def scan(directory: Path) -> subprocess.CompletedProcess[str]:
    programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        [ROOT / "audit" / "secrets"],
        cwd=directory,
        env={**os.environ, "PATH": programs},
        capture_output=True,
        text=True,
        check=False,
    )


def test_l10_no_file_of_the_project_holds_a_secret():
    if not (ROOT / ".git").exists():
        pytest.skip("what is tracked is known in a clone alone")

    found = scan(ROOT)

    assert (found.returncode, found.stdout) == (0, ""), found.stdout


# In pieces, so that they are found where they are planted and not here.
SECRETS = {
    "src/service.py": 'password = "hunter2' + '-and-more"',
    "src/settings.py": 'aws_key = "AKIA' + 'IOSFODNN7REALKEY"',
    "docs/page.md": "-----BEGIN RSA PRIVATE" + " KEY-----",
    "tests/test_it.py": 'TOKEN = "Zm9vYmFy' + 'MTIzNDU2Nzg5MGFiY2RlZmdoaWprbG1ub3BxcnN0dXZ3eHl6QUJDREVG"',
    "docs/calls.md": "curl -H 'Authorization: Bearer rk" + "_0123456789ABCDEFGHIJabcdefghij4YGy83'",
    "deploy.yaml": "url: postgresql://ann:s3cr3t" + "-word@db.example.org/referral",
}  # fmt: skip


@pytest.mark.parametrize("place", SECRETS)
def test_l10_a_planted_secret_is_found_and_nothing_else(tmp_path, place):
    innocent = {"src/code.py": 'CODE = "12AF32CF8978"', "README.md": '{"password": "Q123werty!23"}'}
    for name, text in {**innocent, place: SECRETS[place]}.items():
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"{text}\n")
    for command in ("init --quiet", "add --all"):
        subprocess.run(["git", *command.split()], cwd=tmp_path, check=True)

    found = scan(tmp_path)

    assert found.returncode == 1
    assert set(re.findall(r"Location: +(\S+):\d+", found.stdout)) == {place}

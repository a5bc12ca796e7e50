"""The house's walls: who may import whom, and that the check finds who does not keep to it."""

import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MOST_LINES = 200


@pytest.fixture
def copy(tmp_path):
    """A copy of the house, where a wall can be broken."""
    shutil.copytree(
        ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("assets", "__pycache__")
    )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def contracts_kept(house: Path) -> bool:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=house,
        env={"PYTHONPATH": str(house / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Contracts: " in done.stdout, done.stderr
    return done.returncode == 0


def test_the_house_keeps_its_contracts(copy):
    assert contracts_kept(copy)


@pytest.mark.parametrize(
    ("file", "forbidden"),
    [
        ("domain/accounts/user.py", "import msgspec"),
        ("domain/accounts/user.py", "import referral.application.ports"),
        ("domain/accounts/user.py", "import referral.domain.access.errors"),
        ("domain/accounts/user.py", "import referral.domain.programs.errors"),
        ("domain/access/refresh_token.py", "import referral.domain.programs.errors"),
        ("domain/rewards/event.py", "import referral.domain.webhooks.errors"),
        ("domain/errors.py", "import referral.domain.accounts.errors"),
        ("application/access/log_in.py", "import asyncpg"),
        ("application/access/log_in.py", "import referral.adapters.system"),
        ("adapters/credentials/jwt_tokens.py", "import referral.entrypoints.bootstrap.settings"),
        ("adapters/credentials/jwt_tokens.py", "import referral.adapters.system"),
        ("adapters/postgres/core/pool.py", "import referral.adapters.postgres.accounts.users"),
        ("entrypoints/http/api/codes.py", "import referral.adapters.postgres.accounts.users"),
        ("entrypoints/cli/main.py", "import referral.adapters.credentials.bcrypt_passwords"),
    ],
)
def test_a_forbidden_import_is_found(copy, file, forbidden):
    with (copy / "src/referral" / file).open("a") as source:
        source.write(f"\n{forbidden}\n")

    assert not contracts_kept(copy)


def test_no_file_of_the_source_is_long():
    lines = {file: len(file.read_text("utf-8").splitlines()) for file in ROOT.glob("src/**/*.py")}

    assert [str(file) for file, count in lines.items() if count > MOST_LINES] == []


def test_the_diagram_shows_the_imports_as_they_are():
    diagram = runpy.run_path(str(ROOT / "docs/diagram.py"))["diagram"]()

    assert diagram in (ROOT / "docs/architecture.md").read_text("utf-8")
